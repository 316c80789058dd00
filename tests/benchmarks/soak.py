"""Hours of training, sampling and resuming in one process: does memory grow, does a file stay open?

    python tests/benchmarks/soak.py --minutes 120 -o soak.jsonl
    python tests/benchmarks/soak.py -o soak.jsonl --table

A round makes, for each of three kinds of run, in one process

    gantool train RUN_FLAGS --steps 40 --checkpoint-every 10 --keep 2 -o RUN
    gantool train --resume RUN --steps 60
    gantool sample RUN -n 16 -o SAMPLES.png
    gantool interpolate RUN seed:1 seed:2 -o FILM.gif

and reads every checkpoint that is left. A line of the output is a round: its resident memory after a collection, its
open files and threads. The table compares the second half with the rounds after the first tenth, in which caches fill.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from gantool.cli.main import cli
from gantool.files import checkpoint

RUNS = {
    "pictures": "--data shapes --loss bce",
    "classes": "--data shapes --loss wgan-gp --condition onehot",
    "points": "--data gaussians --loss wgan-clip --arch mlp",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--table", action="store_true", help="print what is there")
    parser.add_argument("-o", "--out", type=Path, default=Path("soak.jsonl"))
    args = parser.parse_args()
    if not args.table:
        soak(args.minutes, args.threads, args.out)
    table([json.loads(line) for line in args.out.read_text().splitlines()])


def soak(minutes: float, threads: str, out: Path) -> None:
    """Make rounds until the time is over, and write a line for each."""
    began, number = time.monotonic(), 0
    out.unlink(missing_ok=True)
    while time.monotonic() - began < 60 * minutes:
        checkpoints = sum(cycle(flags.split(), number, threads) for flags in RUNS.values())
        gc.collect()
        row = {"round": number, "minutes": round((time.monotonic() - began) / 60, 2), **usage()}
        with out.open("a") as file:
            file.write(json.dumps({**row, "checkpoints read": checkpoints}) + "\n")
        number += 1


def cycle(flags: list[str], seed: int, threads: str) -> int:
    """Train, go on, sample and interpolate; return how many checkpoints were read."""
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        often = ["--checkpoint-every", "10", "--keep", "2", "--threads", threads, "-q"]
        gantool("train", *flags, "--steps", "40", "--seed", str(seed), *often, "-o", run)
        gantool("train", "--resume", run, "--steps", "60", *often)
        gantool("sample", run, "-n", "16", "-o", f"{folder}/samples.png", "-q")
        if "gaussians" not in flags:
            gantool("interpolate", run, "seed:1", "seed:2", "-o", f"{folder}/film.gif", "-q")
        left = sorted(Path(run, "checkpoints").glob("*.safetensors"))
        steps = [checkpoint.read(path).meta["step"] for path in left]
        if steps != [50, 60]:
            sys.exit(f"the checkpoints left are of steps {steps}")
        shutil.rmtree(run)
    return len(steps)


def gantool(*line: str) -> None:
    """Run a command in this process."""
    cli.main(list(line), prog_name="gantool", standalone_mode=False)


def usage() -> dict[str, int]:
    """Return the resident memory in kB, and the numbers of open files and threads."""
    status = Path("/proc/self/status").read_text()
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return {"kB": memory, "files": len(list(Path("/proc/self/fd").iterdir())), "threads": threading.active_count()}


def table(rows: list[dict[str, Any]]) -> None:
    """Compare the rounds of the second half with the early ones."""
    if len(rows) < 4:
        sys.exit(f"{len(rows)} rounds are too few to compare: give it more minutes")
    tenth, half = max(1, len(rows) // 10), len(rows) // 2
    early, late = rows[tenth : 2 * tenth + 1], rows[half:]
    print("| | rounds | memory, MB (median) | open files | threads |")
    print("|---|---|---|---|---|")
    for name, some in (("early", early), ("second half", late), ("the last", rows[-1:])):
        memory = statistics.median(row["kB"] for row in some) / 1024
        files, threads = ({row[key] for row in some} for key in ("files", "threads"))
        numbers = f"{some[0]['round']} to {some[-1]['round']}"
        print(f"| {name} | {numbers} | {memory:.1f} | {sorted(files)} | {sorted(threads)} |")
    print(f"{sum(row['checkpoints read'] for row in rows)} checkpoints were read in {rows[-1]['minutes']} minutes.")


if __name__ == "__main__":
    main()
