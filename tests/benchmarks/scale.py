"""What bounds a step as processes are added? Measures one and two processes, and computes the rest.

    python tests/benchmarks/scale.py
    python tests/benchmarks/scale.py --case wgan-gp-32 --batch 32

Each process has one thread and the same share of the batch, so that with K of them a step sees K times as many
pictures (weak scaling). Measured are the seconds of a step and of its exchanges of gradients. Beyond the processes of
this machine a step is computed: the seconds of one process alone, and for each exchange of B bytes between K
processes 2 (K - 1) / K * B bytes over the network, as a ring does it. Latency is left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from speed import CASES, Gantool, pictures

from gantool.latent.device import pick_device
from gantool.training.group import Group, joined

NETWORKS = {"1 Gb/s": 125e6, "10 Gb/s": 1.25e9, "100 Gb/s": 12.5e9}  # bytes a second
SIZES = (2, 4, 8, 16, 32, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=CASES, help="bce-64 and wgan-gp-64 if not given")
    parser.add_argument("--batch", type=int, default=64, help="pictures of each process in a step of D [64]")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--pack", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.set, args.device = [], "cpu"
    if args.pack:
        work(args)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in args.case or ["bce-64", "wgan-gp-64"]:
            pack = pictures(CASES[name], Path(folder) / f"{name}.safetensors")
            one, two = (measure(name, size, pack, args) for size in (1, 2))
            show(name, one, two, args)


def show(name: str, one: dict[str, Any], two: dict[str, Any], args: argparse.Namespace) -> None:
    """Print what was measured, then what follows."""
    images = args.batch * CASES[name].n_critic
    print(f"{name}, {args.batch} pictures a process, one thread each, {len(two['bytes'])} exchanges a step")
    print(f"  gradients of a step {sum(two['bytes']) / 1e6:.1f} MB")
    for size, found in ((1, one), (2, two)):
        rate = size * images / found["step"]
        print(f"  {size} process{'es' * (size > 1):2} {1000 * found['step']:8.1f} ms a step, of these", end=" ")
        print(f"{1000 * found['exchange']:.1f} ms in exchanges; {rate:.0f} images/s")
    print(f"  computed share of a step that is not exchange   {'  '.join(f'K={size:<3}' for size in SIZES)}")
    for network, speed in NETWORKS.items():
        shares = []
        for size in SIZES:
            exchange = 2 * (size - 1) / size * sum(two["bytes"]) / speed
            shares.append(one["step"] / (one["step"] + exchange))
        print(f"    {network:>10}   {'  '.join(f'{share:5.0%}' for share in shares)}", flush=True)


def measure(name: str, size: int, pack: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Run a number of processes, and return what the first one measured."""
    line = [sys.executable]
    line += ["-m", "torch.distributed.run", "--nproc-per-node", str(size)] if size > 1 else []
    line += [__file__, "--case", name, "--pack", str(pack), "--batch", str(args.batch), "--steps", str(args.steps)]
    line += ["--precision", args.precision]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def work(args: argparse.Namespace) -> None:
    """Make steps as one process of a group."""
    torch.set_num_threads(1)
    with joined(pick_device(args.device)) as group:
        args.set = [f"training.batch_size={args.batch * group.size}"]
        (name,) = args.case
        side = Gantool(CASES[name], Path(args.pack), args, group)
        exchanges = listen(group)
        side.step()
        seconds, exchanged = [], []
        for _ in range(args.steps):
            exchanges.clear()
            began = time.perf_counter()
            side.step()
            seconds.append(time.perf_counter() - began)
            exchanged.append(sum(spent for spent, _ in exchanges))
        if group.leads:
            found = {"step": median(seconds), "exchange": median(exchanged), "bytes": [size for _, size in exchanges]}
            print(json.dumps(found))


def listen(group: Group) -> list[tuple[float, int]]:
    """Note the seconds and bytes of each exchange from now on; the seconds hold the wait for the slower process."""
    found: list[tuple[float, int]] = []
    exchange = group._sum

    def timed(whole: torch.Tensor) -> None:
        began = time.perf_counter()
        exchange(whole)
        found.append((time.perf_counter() - began, whole.numel() * whole.element_size()))

    group._sum = timed
    return found


if __name__ == "__main__":
    main()
