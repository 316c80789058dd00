"""Are runs that fail reported before their end, and are healthy ones left in peace?

    python tests/benchmarks/diagnostics.py                       # all runs, 5 seeds each, with their own lengths
    python tests/benchmarks/diagnostics.py --seeds 1 --steps 300 --only minimax
    python tests/benchmarks/diagnostics.py --try --only minimax  # and then the command that the first finding names

Prints a table: for each run and each diagnostic that found something, in how many of the seeds and after which share
of the run at the latest. Runs that should be reported say by what; one such finding is enough.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RING, GRID = "--data gaussians", "--data gaussians --data.layout grid"
RATES = "--lr-g 1e-3 --lr-d 1e-3"
FAILING = {  # the line, and what should be found
    f"{RING} --loss minimax --lr-g 2e-5 --lr-d 1e-2 --n-critic 5 --steps 600": "mode-collapse",
    f"{RING} --loss minimax --lr-g 2e-4 --lr-d 2e-3 --n-critic 5 --steps 1000": "mode-collapse",
    f"{RING} --loss bce --lr-g 1e-3 --lr-d 1e-6 --steps 1000": "superior-generator",
    f"{RING} --loss bce --lr-g 2e-4 --lr-d 1e-2 --n-critic 5 --arch.hidden-d 512,512 --steps 1000": "mode-collapse",
    f"{RING} --loss wgan-gp --lipschitz.weight 1e-3 --lr-d 5e-3 --steps 1000": "lipschitz-violation",
    f"{RING} --loss wgan-gp --lr-g 10 --lr-d 10 --steps 1000": "divergence",
}
HEALTHY = (
    f"{RING} --loss wgan-gp",
    f"{GRID} --loss wgan-gp",
    f"{RING} --loss wgan-gp --lipschitz.weight 10 {RATES}",
    f"{RING} --loss bce",
    "--recipe gaussians",
    "--data shapes --loss wgan-gp",
    "--data shapes --loss bce",
)


def train(line: str, *flags: str) -> tuple[int, list[dict[str, str | int]]]:
    """Train and return the last step and the findings."""
    command = [sys.executable, "-m", "gantool", "train", *line.split(), "-q", "--json", *flags]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    if done.returncode:  # a run that diverges may end by a loss that is not finite
        return 0, [{"finding": done.stderr.strip().splitlines()[-1], "step": 0}]
    outcome = json.loads(done.stdout)
    return outcome["step"], outcome["findings"]


def row(line: str, expected: str, seeds: int, steps: list[str], follow: bool) -> str:
    """Return a line of the table for the runs of all seeds."""
    latest: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            last, found = train(line, "--seed", str(seed), "-o", str(Path(folder) / str(seed)), *steps)
            if follow and found and "try" in found[0]:
                again = str(found[0]["try"]).removeprefix("gantool train ")
                found = train(again, "-o", str(Path(folder) / f"{seed} again"), *steps)[1]
            for name in dict.fromkeys(str(one["finding"]) for one in found):
                first = next(int(one["step"]) for one in found if one["finding"] == name)
                latest.setdefault(name, []).append(first / max(last, 1))
    said = [f"{name} {len(shares)} of {seeds}, by {max(shares):.0%}" for name, shares in sorted(latest.items())]
    return f"| `{line}` | {expected} | {'; '.join(said) or 'nothing'} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", help="the length of every run")
    parser.add_argument("--only", default="", help="runs whose line has this in it")
    parser.add_argument(
        "--try", dest="follow", action="store_true", help="report the runs with the flags of the finding"
    )
    given = parser.parse_args()
    steps = ["--steps", given.steps] if given.steps else []
    print("| run | should be found | found |\n|---|---|---|")
    for line, expected in {**FAILING, **dict.fromkeys(HEALTHY, "nothing")}.items():
        if given.only in line:
            print(row(line, expected, given.seeds, steps, given.follow), flush=True)


if __name__ == "__main__":
    main()
