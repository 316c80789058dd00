"""What gantool's commands take to start, in wall and in processor seconds.

    python tests/benchmarks/startup.py             # 7 rounds
    python tests/benchmarks/startup.py --rounds 3 --imports

Rounds run every command once, in turns; medians are printed. What ``gantool sample`` adds is its time for one picture
less that of importing torch and of one pass through the network, which the sampling process itself cannot avoid.
``--imports`` lists the slowest imports of ``gantool sample`` but for torch's own.
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
FORWARD = """
import time, torch
from gantool import open_model
model = open_model("run")
z = torch.randn(1, 100)
began = time.perf_counter(), time.process_time()
with torch.inference_mode():
    model.G(z)
print(time.perf_counter() - began[0], time.process_time() - began[1])
"""
COMMANDS = {
    "import torch": ["-c", "import torch"],
    "gantool --help": ["-m", "gantool", "--help"],
    "gantool --version": ["-m", "gantool", "--version"],
    "gantool components": ["-m", "gantool", "components"],
    "gantool train --help": ["-m", "gantool", "train", "--help"],
    "gantool sample --help": ["-m", "gantool", "sample", "--help"],
    "gantool sample RUN -n 1": ["-m", "gantool", "sample", "run", "-n", "1"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--imports", action="store_true", help="list the slowest imports")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        call(["-m", "gantool", "train", *RUN.split(), "-o", "run"], home)
        rounds = [{name: measure(line, home) for name, line in COMMANDS.items()} for _ in range(args.rounds)]
        passes = [[float(number) for number in call(["-c", FORWARD], home).split()] for _ in range(args.rounds)]
        if args.imports:
            print("\n".join(slowest(home)))
    for name in COMMANDS:
        print(f"{name:24} {figures([taken[name] for taken in rounds])}")
    print(f"{'one pass':24} {figures(passes)}")
    added = [
        [taken["gantool sample RUN -n 1"][i] - taken["import torch"][i] - one[i] for i in (0, 1)]
        for taken, one in zip(rounds, passes, strict=True)
    ]
    print(f"{'gantool sample adds':24} {figures(added)}")


def measure(line: list[str], home: Path) -> tuple[float, float]:
    """Return the wall and the processor seconds of one process."""
    before, began = os.times(), time.perf_counter()
    call(line, home)
    wall, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used


def call(line: list[str], home: Path) -> str:
    return subprocess.run([sys.executable, *line], cwd=home, capture_output=True, text=True, check=True).stdout


def figures(rows: list[list[float]] | list[tuple[float, float]]) -> str:
    walls, used = zip(*rows, strict=True)
    spread = f"{min(walls):.2f} to {max(walls):.2f}"
    return f"wall {statistics.median(walls):5.2f} s ({spread}), processor {statistics.median(used):5.2f} s"


def slowest(home: Path, count: int = 25) -> list[str]:
    """Return the lines of Python's import times of ``gantool sample``, the slowest of their own time first."""
    line = [sys.executable, "-X", "importtime", "-m", "gantool", "sample", "run", "-n", "1"]
    said = subprocess.run(line, cwd=home, capture_output=True, text=True, check=True).stderr.splitlines()
    rows = [row.split("|") for row in said if row.startswith("import time:") and row.count("|") == 2]
    timed = [(int(row[0].removeprefix("import time:")), row[2].strip()) for row in rows[1:]]
    theirs = set(call(["-c", "import torch, sys; print(*{name.split('.')[0] for name in sys.modules})"], home).split())
    ours = [row for row in timed if row[1].split(".")[0] not in theirs]
    return [f"{own / 1e3:8.1f} ms  {name}" for own, name in sorted(ours, reverse=True)[:count]]


if __name__ == "__main__":
    main()
