"""Where do products of matrices beat the library's convolutions? Times the three operations of each layer of a critic.

    python tests/benchmarks/convolution.py
    python tests/benchmarks/convolution.py --precision fp32 --threads 1

The layers are the strided 4x4 ones of the critics for 64x64x3 (base width 64) and 32x32x1 (base width 32), batch 64. A
line shows the milliseconds of the library with channels first, of the library with channels last, and of the product of
matrices; `*` marks the ways that gantool_classic/convolution.py takes. Each is the best of many times, on warm caches.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from unittest import mock

import torch
from torch import Tensor

from gantool_classic import convolution

BATCH, KERNEL, STRIDE, PADDING = 64, 4, 2, 1
LAYERS = [(3, 64, 64), (64, 128, 32), (128, 256, 16), (256, 512, 8), (1, 32, 32), (32, 64, 16), (64, 128, 8)]
SECONDS = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", default="bf16", choices=["bf16", "fp32"])
    parser.add_argument("--threads", type=int, help="torch decides if not given")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    dtype = torch.bfloat16 if args.precision == "bf16" else torch.float32
    print(f"{args.precision}, {torch.get_num_threads()} threads, milliseconds: first / last / products")
    for layer in LAYERS:
        print("{:>3} -> {:<3} at {:<2} ".format(*layer) + "  ".join(measured(*layer, dtype)), flush=True)


def measured(into: int, out: int, side: int, dtype: torch.dtype) -> list[str]:
    """Return a text for each of the three operations of a layer."""
    x, w = torch.randn(BATCH, into, side, side, dtype=dtype), torch.randn(out, into, KERNEL, KERNEL, dtype=dtype)
    g = torch.randn(BATCH, out, side // 2, side // 2, dtype=dtype)
    works: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
        "forward": lambda x, w, g: convolution._forward(x, w, None, STRIDE, PADDING),
        "to_input": lambda x, w, g: convolution._to_input(g, w, STRIDE, PADDING, (side, side)),
        "to_kernel": lambda x, w, g: convolution._to_kernel(x, g, STRIDE, PADDING, KERNEL),
    }
    first, last = (x, w, g), tuple(map(convolution._channels_last, (x, w, g)))
    found = []
    for name, work in works.items():
        with mock.patch.object(convolution, "_pays", wraps=convolution._pays) as pays:
            work(*last)
        pays_here = convolution._pays(*pays.call_args.args)
        with mock.patch.object(convolution, "_pays", return_value=False):
            library = best(work, last)
            with mock.patch.object(convolution, "_channels_last", side_effect=lambda tensor: tensor):
                plain = best(work, first)
        with mock.patch.object(convolution, "_pays", return_value=True):
            product = best(work, last)
        marks = ("", "*") if pays_here else ("*", "")
        found.append(f"{name} {plain:6.2f} / {library:6.2f}{marks[0]} / {product:6.2f}{marks[1]}")
    return found


def best(work: Callable[..., Tensor], tensors: tuple[Tensor, ...]) -> float:
    """Return the least milliseconds of many times."""
    work(*tensors)
    least, until = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < until or least == float("inf"):
        began = time.perf_counter()
        work(*tensors)
        least = min(least, time.perf_counter() - began)
    return 1000 * least


if __name__ == "__main__":
    main()
