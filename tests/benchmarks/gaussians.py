"""Which losses cover all modes? The ring of 8 and the grid of 25 in PacGAN's protocol (Lin et al. 2018, section 4.1).

    python tests/benchmarks/gaussians.py -o gaussians.jsonl
    python tests/benchmarks/gaussians.py --seeds 3 --losses bce,wgan-gp --layouts ring
    python tests/benchmarks/gaussians.py -o gaussians.jsonl --table

For each layout, loss and seed

    gantool train --data gaussians --data.layout LAYOUT --loss LOSS --seed SEED -o RUN
    gantool evaluate RUN --metrics modes

and for the loss called ``recipe`` the first line is ``gantool train --recipe gaussians --data.layout LAYOUT``. A run
whose line is in the output already is not made again. The table has the mean and the standard error over the seeds, and
in how many runs a diagnostic spoke. Rows as they were measured: ``tests/benchmarks/measured/gaussians.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LAYOUTS = ("ring", "grid")
LOSSES = ("bce", "minimax", "wgan-clip", "wgan-gp", "recipe")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layouts", default=",".join(LAYOUTS))
    parser.add_argument("--losses", default=",".join(LOSSES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    parser.add_argument("-o", "--out", type=Path, default=Path("gaussians.jsonl"))
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.out.read_text().splitlines()] if args.out.exists() else []
    done = {(row["layout"], row["loss"], row["seed"]) for row in rows}
    wanted = [
        (layout, loss, seed)
        for seed in range(args.seeds)
        for layout in args.layouts.split(",")
        for loss in args.losses.split(",")
    ]
    for layout, loss, seed in wanted if not args.table else ():
        if (layout, loss, seed) not in done:
            row = measure(layout, loss, seed, args.threads)
            rows.append(row)
            with args.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)
    table(rows)


def measure(layout: str, loss: str, seed: int, threads: int) -> dict[str, object]:
    """Train and count."""
    chosen = ["--recipe", "gaussians"] if loss == "recipe" else ["--data", "gaussians", "--loss", loss]
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / "run")
        began = time.monotonic()
        options = ["--data.layout", layout, "--seed", str(seed), "--threads", str(threads)]
        told = json.loads(gantool("train", *chosen, *options, "-o", run, "-q", "--json"))["findings"]
        seconds = time.monotonic() - began
        figures = json.loads(gantool("evaluate", run, "--metrics", "modes", "--json"))["figures"]["modes"]
    found = {"modes": figures["value"], "of": figures["details"]["of"], "quality": figures["details"]["high quality"]}
    said = sorted({one["finding"] for one in told})
    return {"layout": layout, "loss": loss, "seed": seed, **found, "findings": said, "seconds": round(seconds, 1)}


def gantool(*line: str) -> str:
    """Run a command in a process of its own and return what it printed."""
    done = subprocess.run([sys.executable, "-m", "gantool", *line], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"gantool {' '.join(line)}: {done.stderr}")
    return done.stdout


def table(rows: list[dict[str, object]]) -> None:
    """Print the mean and the standard error of each layout and loss."""
    print("| layout | loss | runs | modes | high quality | reported |")
    print("|---|---|---|---|---|---|")
    for layout in LAYOUTS:
        for loss in LOSSES:
            own = [row for row in rows if (row["layout"], row["loss"]) == (layout, loss)]
            if own:
                modes = spread([float(row["modes"]) for row in own])  # type: ignore[arg-type]
                quality = spread([100 * float(row["quality"]) for row in own])  # type: ignore[arg-type]
                told = sum(bool(row["findings"]) for row in own)
                print(f"| {layout} | {loss} | {len(own)} | {modes} | {quality} % | {told} |")


def spread(values: list[float]) -> str:
    """Write a mean and its standard error."""
    mean = sum(values) / len(values)
    squares = sum((value - mean) ** 2 for value in values)
    error = (squares / (len(values) - 1) / len(values)) ** 0.5 if len(values) > 1 else 0.0
    return f"{mean:.2f} ± {error:.2f}"


if __name__ == "__main__":
    main()
