"""Fashion-MNIST at equal time: gantool's losses with and without classes, and the plain loops, by one extractor.

    python tests/benchmarks/fashion.py --root DIR --rates -o rates.json
    python tests/benchmarks/fashion.py --root DIR --judge clothes32.safetensors --steps-of rates.json -o fashion.jsonl
    python tests/benchmarks/fashion.py --root DIR --judge clothes32.safetensors --real
    python tests/benchmarks/fashion.py -o fashion.jsonl --table

The first line times each case for a minute, alone and with all cores, and writes how many steps 10 minutes take: so
runs of the second line may share the machine, one thread each, and still be runs of 10 minutes. The judge is

    gantool classifier train --data fashion-mnist --data.root DIR --data.size 32 -o clothes32.safetensors

For each case and seed, FLAGS being ``--data fashion-mnist --data.root DIR --data.size 32``:

    gantool train FLAGS --loss LOSS --condition CONDITION --steps N --seed S -o RUN
    gantool evaluate RUN --extractor JUDGE -n 10000 --metrics fid,kid,modes[,class-accuracy]

and for the plain loops

    python examples/plain_dcgan.py FLAGS --channels 32 --steps N --seed S --save G.pt
    gantool convert G.pt G.safetensors --prior uniform
    gantool evaluate G.safetensors FLAGS --extractor JUDGE -n 10000 --metrics fid,kid,modes

``--real`` holds 10,000 test pictures against 10,000 of training, by the same judge: what no model should be below. A
run whose line is in the output already is not made again. Steps as they were timed are kept in
``tests/benchmarks/measured/fashion-rates.json``.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

MINUTES, TIMED = 10, 60  # of a run; seconds that a case is timed for
SAMPLES = 10_000
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GANTOOL = [f"{loss} {condition}" for loss in ("bce", "wgan-clip", "wgan-gp") for condition in ("none", "onehot")]
PLAIN = {"plain bce": ("plain_dcgan.py", "uniform"), "plain wgan-gp": ("plain_wgan_gp.py", "normal")}
CASES = (*PLAIN, *GANTOOL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=".", help="where the IDX files lie")
    parser.add_argument("--judge", help="the classifier whose features are compared")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rates", action="store_true", help="time the cases")
    parser.add_argument("--real", action="store_true", help="hold real pictures against real ones")
    parser.add_argument("--steps-of", type=Path, help="what --rates wrote")
    parser.add_argument("--set", action="append", default=[], metavar="FLAG=VALUE", help="for gantool train: ema=0")
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    parser.add_argument("-o", "--out", type=Path, default=Path("fashion.jsonl"))
    args = parser.parse_args()
    cases = args.cases.split(",")
    if args.rates:
        steps = {case: timed(case, args) for case in cases}
        args.out.write_text(json.dumps(steps, indent=2) + "\n")
        return
    if args.real:
        print(real(args))
        return
    rows = [json.loads(line) for line in args.out.read_text().splitlines()] if args.out.exists() else []
    done = {(row["case"], row["seed"]) for row in rows}
    for seed in range(args.seeds) if not args.table else ():
        for case in cases:
            if (case, seed) not in done:
                row = measured(case, seed, json.loads(args.steps_of.read_text())[case], args)
                rows.append(row)
                with args.out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(row, flush=True)
    table(rows)


def timed(case: str, args: argparse.Namespace) -> int:
    """Return how many steps of a case fit into the minutes of a run, by timing it with all cores."""
    minutes = str(TIMED / 60)
    with tempfile.TemporaryDirectory() as folder:
        if case in PLAIN:
            out = plain(case, args, folder, "--minutes", minutes)
            steps = int(re.findall(r"step (\d+)", out)[-1])
        else:
            steps = json.loads(trained(case, args, folder, "--minutes", minutes))["step"]
    steps = round(steps * MINUTES * 60 / TIMED)
    print(case, steps, flush=True)
    return steps


def measured(case: str, seed: int, steps: int, args: argparse.Namespace) -> dict[str, Any]:
    """Train and evaluate."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        length = ["--steps", str(steps), "--seed", str(seed)]
        data: list[str] = []
        metrics = "fid,kid,modes"
        if case in PLAIN:
            plain(case, args, folder, *length)
            model = f"{folder}/G.safetensors"
            run("-m", "gantool", "convert", f"{folder}/G.pt", model, "--prior", PLAIN[case][1])
            data = data_flags(args)
        else:
            trained(case, args, folder, *length, "--threads", str(args.threads))
            model = f"{folder}/run"
            metrics += ",class-accuracy" if case.endswith("onehot") else ""
        seconds = time.monotonic() - began
        judged = ["--extractor", args.judge, "-n", str(SAMPLES), "--metrics", metrics, "--json"]
        results = json.loads(run("-m", "gantool", "evaluate", model, *data, *judged))
    figures, judge = results["figures"], results["protocol"]["extractor"]["weights"][:12]
    values = {name: figure["value"] for name, figure in figures.items()}
    entropy = figures["modes"]["details"]["entropy"]
    facts = {"case": case, "seed": seed, "steps": steps, "judge": judge, "set": args.set, "seconds": round(seconds)}
    return {**facts, **values, "entropy": entropy}


def real(args: argparse.Namespace) -> dict[str, float]:
    """Return FID and KID of test pictures held against those of training."""
    from gantool import Options
    from gantool.files import features
    from gantool_classic.metrics.features import Fid, Kid
    from gantool_classic.metrics.settings import KidOptions

    sides = {}
    with tempfile.TemporaryDirectory() as folder:
        trained("bce none", args, folder, "--steps", "1")  # a model, for the command that saves features
        for split in ("train", "test"):
            file = f"{folder}/{split}.safetensors"
            flags = ["--data.split", split, "--extractor", args.judge, "-n", str(SAMPLES), "--metrics", "fid"]
            run("-m", "gantool", "evaluate", f"{folder}/run", *data_flags(args), *flags, "--save-features", file, "-q")
            sides[split] = features.read(Path(file))[0]["real"]
    subject: Any = SimpleNamespace(real=sides["train"], fake=sides["test"], count=SAMPLES, real_count=SAMPLES, seed=0)
    metrics = {"fid": Fid(Options()), "kid": Kid(KidOptions())}
    return {name: metric.measure(subject).value for name, metric in metrics.items()}


def data_flags(args: argparse.Namespace) -> list[str]:
    return ["--data", "fashion-mnist", "--data.root", args.root, "--data.size", "32"]


def trained(case: str, args: argparse.Namespace, folder: str, *more: str) -> str:
    """Train by gantool and return what it printed."""
    loss, condition = case.split()
    chosen = ["--loss", loss, "--condition", condition, *(f"--{flag}" for flag in args.set)]
    return run("-m", "gantool", "train", *data_flags(args), *chosen, *more, "-o", f"{folder}/run", "-q", "--json")


def plain(case: str, args: argparse.Namespace, folder: str, *more: str) -> str:
    """Train by a plain loop and return what it printed."""
    flags = ["--data", "fashion-mnist", "--root", args.root, "--size", "32", "--channels", "32"]
    return run(str(EXAMPLES / PLAIN[case][0]), *flags, *more, "--save", f"{folder}/G.pt", "-o", f"{folder}/g.png")


def run(*line: str) -> str:
    """Run Python in a process of its own and return what it printed."""
    done = subprocess.run([sys.executable, *line], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"python {' '.join(line)}: {done.stderr}")
    return done.stdout


def table(rows: list[dict[str, Any]]) -> None:
    """Print the mean and the standard error of each case."""
    print("| case | seeds | steps | FID | KID | classes | entropy, bits | class accuracy |")
    print("|---|---|---|---|---|---|---|---|")
    for case in CASES:
        own = [row for row in rows if row["case"] == case]
        if own:
            columns = ("fid", "kid", "modes", "entropy", "class-accuracy")
            cells = [spread([row[name] for row in own]) if name in own[0] else "" for name in columns]
            print(f"| {case} | {len(own)} | {own[0]['steps']} | {' | '.join(cells)} |")


def spread(values: list[float]) -> str:
    """Write a mean and its standard error."""
    mean = sum(values) / len(values)
    squares = sum((value - mean) ** 2 for value in values)
    error = (squares / (len(values) - 1) / len(values)) ** 0.5 if len(values) > 1 else 0.0
    return f"{mean:.3g} ± {error:.2g}"


if __name__ == "__main__":
    main()
