"""Sampling in bulk beside a loop that samples and saves one picture at a time, each as a process of its own.

    python tests/benchmarks/sampling.py                       # 5,000 pictures of 64x64, 5 pairs, all cores
    taskset -c 1 python tests/benchmarks/sampling.py -n 300 --pairs 2
    python tests/benchmarks/sampling.py -o samples.safetensors

Both draw from one DCGAN of base width 64 with random weights, the published 64x64x3 generator. The loop is the usual
one: the network under no_grad, torchvision's save_image, with as many threads as torch takes. A pair runs both, in
turns which is first. Rates are pictures per second of the whole command; "drawing" leaves out what the same command
takes for one picture: start-up, import, the first pass. Processor time is that of all cores together.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NETWORK = "--arch dcgan --arch.channels 64 --arch.upsample transposed --arch.kernel 4 --condition none"
RUN = f"--data shapes --data.size 64 --data.length 64 --batch-size 8 --steps 2 --precision fp32 -q {NETWORK}"
LOOP = """
import sys
import torch
from torchvision.utils import save_image
from gantool import open_model
run, count, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
G = open_model(run).G
z = torch.randn(count, 100)
with torch.no_grad():
    for i in range(count):
        save_image(G(z[i : i + 1]), f"{folder}/{i:06d}.png", normalize=True, value_range=(-1, 1))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=5000, help="pictures [5000]")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("-o", "--out", default="folder", help="what gantool writes: a folder or a .safetensors")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        gantool("train", *RUN.split(), "-o", home / "run", where=home)
        once = {name: measure(name, home, 1, args.out) for name in ("gantool", "loop")}
        said = ", ".join(f"{name} {wall:.2f} s ({used:.2f} s of processor)" for name, (wall, used) in once.items())
        print(f"one picture, whole command: {said}")
        whole, drawing = [], []
        for pair in range(args.pairs):
            order = ("gantool", "loop") if pair % 2 == 0 else ("loop", "gantool")
            taken = {name: measure(name, home, args.n, args.out) for name in order}
            alone = {name: [taken[name][i] - once[name][i] for i in (0, 1)] for name in taken}
            whole.append(taken["loop"][0] / taken["gantool"][0])
            drawing.append(alone["loop"][0] / alone["gantool"][0])
            rates = ", ".join(
                f"{name} {args.n / taken[name][0]:.1f}/s ({1e3 * alone[name][1] / args.n:.2f} ms of processor each)"
                for name in ("gantool", "loop")
            )
            print(f"pair {pair + 1}: {rates}; ratio {whole[-1]:.2f}, of drawing {drawing[-1]:.2f}", flush=True)
    print(f"ratio: {spread(whole)}; of drawing: {spread(drawing)}")


def measure(name: str, home: Path, count: int, out: str) -> tuple[float, float]:
    """Return the wall and the processor seconds that a whole process takes for so many pictures."""
    with tempfile.TemporaryDirectory(dir=home) as target:
        before, began = os.times(), time.perf_counter()
        if name == "gantool":
            gantool("sample", home / "run", "-n", count, "-q", "-o", Path(target) / out, where=home)
        else:
            call(sys.executable, "-c", LOOP, home / "run", count, target, where=home)
        wall, after = time.perf_counter() - began, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def gantool(*arguments: object, where: Path) -> None:
    call(sys.executable, "-m", "gantool", *arguments, where=where)


def call(*line: object, where: Path) -> None:
    subprocess.run([str(part) for part in line], cwd=where, stdout=subprocess.DEVNULL, check=True)


def spread(values: list[float]) -> str:
    return f"median {statistics.median(values):.2f}, {min(values):.2f} to {max(values):.2f}"


if __name__ == "__main__":
    main()
