"""How fast is gantool beside the usual loop? Trains the plain loops of examples/ and gantool in alternation.

    python tests/benchmarks/speed.py                               # all cases, default precision
    python tests/benchmarks/speed.py --precision fp32 --pairs 7
    python tests/benchmarks/speed.py --case wgan-gp-64 --threads 1

All sides have the same data, networks and batch. Each has a process of its own, and they take turns: first gantool,
then the loop, then the loop, then gantool, and so on; who does not compute sleeps. Printed are the medians, the ratio
with its spread over the pairs, the peak memory of the processes, and where gantool's time goes. Columns for
torch-mimicry and torchgan appear where these are installed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from toolkits import example, installed
from torch import nn

from gantool import Tier, load_plugins, resolve
from gantool.files.pack_writer import write_pack
from gantool.recipes import read_recipe
from gantool.training.group import Group
from gantool.training.options import RunOptions
from gantool.training.run import Prepared, prepare

LENGTH = 2048  # pictures of the data
WARM_UP = 2  # steps


@dataclass(frozen=True)
class Case:
    """One comparison: a plain loop, and the gantool settings with the same networks."""

    loop: str
    recipe: str
    size: int
    colours: int
    channels: int
    batch: int = 64
    changes: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def n_critic(self) -> int:
        """Critic steps, and so real batches, for each step of the generator."""
        return 1 if self.loop == "plain_dcgan" else 5


CASES = {
    "bce-64": Case("plain_dcgan", "dcgan-2015", 64, 3, 64),
    "wgan-gp-64": Case("plain_wgan_gp", "wgan-gp-2017", 64, 3, 64, changes={"arch": {"norm_d": "instance"}}),
    "bce-32": Case("plain_dcgan", "dcgan-2015", 32, 1, 32),
    "wgan-gp-32": Case("plain_wgan_gp", "wgan-gp-2017", 32, 1, 32),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=CASES, help="all if not given")
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="about how long one side of a pair takes [6]")
    parser.add_argument("--threads", type=int, help="torch decides if not given")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=JSON", help="change gantool's side")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--operations", action="store_true", help="also show what torch's profiler says of gantool")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--pack", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        serve(args)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in args.case or CASES:
            compare(name, pictures(CASES[name], Path(folder) / f"{name}.safetensors"), args)


def compare(name: str, pack: Path, args: argparse.Namespace) -> None:
    """Run one case and print its lines."""
    sides = {side: Worker(name, side, pack, args) for side in sides_of(CASES[name])}
    steps = {side: max(1, round(args.seconds / worker.ask("time", 1))) for side, worker in sides.items()}
    images = CASES[name].batch * CASES[name].n_critic
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for pair in range(args.pairs):
        for side in list(sides)[:: 1 if pair % 2 == 0 else -1]:
            rates[side].append(images / sides[side].ask("time", steps[side]))
    about = sides["gantool"].ask("about", 0)
    print(f"{name}, gantool in {about}, {args.pairs} pairs")
    for side, found in rates.items():
        line = f"  {side:8} {median(found):7.1f} images/s  {1000 * images / median(found):7.1f} ms a step"
        line += f"  peak {sides[side].ask('peak', 0):5.0f} MiB"
        if side != "gantool":
            ratios = [one / other for one, other in zip(rates["gantool"], found, strict=True)]
            line += f"  gantool is {median(ratios):.2f} times as fast: {', '.join(f'{one:.2f}' for one in ratios)}"
        print(line)
    shares = sides["gantool"].ask("profile", max(2, steps["gantool"] // 2))
    print("  gantool's time: " + ", ".join(f"{part} {share:.0%}" for part, share in shares.items()), flush=True)
    if args.operations:
        found = sides["gantool"].ask("operations", 5)
        print("  its operations: " + ", ".join(f"{name} {share:.0%}" for name, share in found.items()), flush=True)
    for worker in sides.values():
        worker.end()


class Worker:
    """One side in a process of its own, which waits while the others are measured."""

    def __init__(self, name: str, side: str, pack: Path, args: argparse.Namespace) -> None:
        line = [sys.executable, __file__, "--case", name, "--side", side, "--pack", str(pack), "--device", args.device]
        line += ["--precision", args.precision, *(part for text in args.set for part in ("--set", text))]
        line += ["--threads", str(args.threads)] if args.threads else []
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what: str, number: int) -> Any:
        """Let it do something, and return what it found."""
        self.process.stdin.write(f"{what} {number}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        """Let the process end."""
        self.process.stdin.close()
        self.process.wait()


def serve(args: argparse.Namespace) -> None:
    """Be one side, and answer what is asked on the standard input."""
    if args.threads:
        torch.set_num_threads(args.threads)
    side = sides_of(CASES[args.case[0]])[args.side](CASES[args.case[0]], args.pack, args)
    timed(side, WARM_UP)
    for line in sys.stdin:
        what, number = line.split()
        if what == "time":
            found: Any = timed(side, int(number))
        elif what == "peak":
            found = peak()
        elif what == "about":
            threads = f"{torch.get_num_threads()} threads" if args.device == "cpu" else torch.cuda.get_device_name()
            found = f"{side.run.config.training.precision}, {threads}"
        elif what == "operations":
            found = operations(side, int(number))
        else:
            found = profile(side.run, int(number))
        print(json.dumps(found), flush=True)


class Side:
    """One of the two that are compared."""

    def step(self) -> None:
        """Make one step of the generator and the critic steps before it."""
        raise NotImplementedError


class Gantool(Side):
    """gantool's own step."""

    def __init__(self, case: Case, pack: Path, args: argparse.Namespace, group: Group | None = None) -> None:
        registry = load_plugins().registry
        tree: dict[str, dict[str, Any]] = {
            "data": {"name": "packed", "root": str(pack)},
            "arch": {"channels": case.channels},
            "training": {"batch_size": case.batch, "precision": args.precision},
        }
        for section, table in (case.changes or {}).items():
            tree.setdefault(section, {}).update(table)
        for text in args.set:
            place, _, value = text.partition("=")
            section, _, key = place.partition(".")
            tree.setdefault(section, {})[key] = json.loads(value)
        tiers = [Tier("recipe", read_recipe(registry, case.recipe)), Tier("benchmark", tree)]
        self.run = prepare(resolve(registry, tiers), RunOptions(device=args.device), group)
        self._since = 0

    def step(self) -> None:
        self.run.phases.step()
        self._since += 1
        if self._since == 50:  # as often as a run reports at least
            self.run.phases.statistics.flush()
            self._since = 0


class Plain(Side):
    """The loop of examples/plain_dcgan.py or plain_wgan_gp.py."""

    def __init__(self, case: Case, pack: Path, args: argparse.Namespace) -> None:
        self.module, self.case, self.device = example(case.loop), case, torch.device(args.device)
        torch.manual_seed(0)
        images = self.module.pictures("packed", str(pack), None)
        self.batches = self.module.batches(images, case.batch, self.device)
        self.G = self.module.generator(case.colours, case.size, case.channels).to(self.device)
        build = getattr(self.module, "critic", None) or self.module.discriminator
        self.D: nn.Module = build(case.colours, case.size, case.channels).to(self.device)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), self.module.LR, self.module.BETAS) for network in (self.G, self.D)
        ]

    def step(self) -> None:
        n, (optimizer_g, optimizer_d) = self.case.batch, self.optimizers
        if self.case.n_critic == 1:
            z = self.module.latents(n, self.device)
            self.module.train_step(self.G, self.D, optimizer_g, optimizer_d, next(self.batches), z)
            return
        for _ in range(self.case.n_critic):
            z, eps = self.module.latents(n, self.device), torch.rand(n, device=self.device)
            self.module.critic_step(self.G, self.D, optimizer_d, next(self.batches), z, eps)
        self.module.generator_step(self.G, self.D, optimizer_g, self.module.latents(n, self.device))


def sides_of(case: Case) -> dict[str, type[Side]]:
    """Return what is compared: gantool, the plain loop, and the toolkits that are installed and can train the case."""
    kits = {name: kit for name, kit in installed().items() if kit.trains(case)}
    return {"gantool": Gantool, "plain": Plain, **kits}


def pictures(case: Case, path: Path) -> Path:
    """Pack coloured shapes, or grey ones."""
    tree = {"data": {"name": "shapes", "size": case.size, "length": LENGTH}}
    values = resolve(load_plugins().registry, [Tier("benchmark", tree)]).create("data").load().values
    if case.colours == 1:
        values = values.mean(1, keepdims=True).round().astype(np.uint8)
    with write_pack(path, len(values), values.shape[1:], fingerprint="benchmark") as pack:
        pack.add(values)
    return path


def synchronize() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def timed(side: Side, steps: int) -> float:
    """Return the seconds of one step, over several."""
    synchronize()
    began = time.perf_counter()
    for _ in range(steps):
        side.step()
    synchronize()
    return (time.perf_counter() - began) / steps


def peak() -> float:
    """Return the peak memory of this process in MiB; on a GPU that of its tensors."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    status = Path("/proc/self/status")
    if status.exists():  # rusage would count what the process was started from
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def profile(run: Prepared, steps: int) -> dict[str, float]:
    """Return the shares of the step's time, parts that contain others without these."""
    phases, spent = run.phases, Spent()
    phases._parts = lambda *given: spent.each("data", type(phases)._parts(phases, *given))
    phases._fake = spent.measured("G", phases._fake)
    phases._critic_step = spent.measured("D", phases._critic_step)
    phases._generator_step = spent.measured("G", phases._generator_step)
    phases.statistics.flush = spent.measured("logging", phases.statistics.flush)
    phases._penalise = spent.measured("penalty", phases._penalise)
    step = spent.measured("rest", phases.step)
    for _ in range(steps):
        step()
    phases.statistics.flush()
    total = sum(spent.seconds.values())
    return {part: spent.seconds[part] / total for part in sorted(spent.seconds, key=spent.seconds.get, reverse=True)}


def operations(side: Side, steps: int) -> dict[str, float]:
    """Return the largest shares of the time that torch's profiler counts, by operation, without what they call."""
    with torch.profiler.profile() as profiler:
        for _ in range(steps):
            side.step()
    spent = {event.key: event.self_cpu_time_total for event in profiler.key_averages()}
    total = sum(spent.values())
    return {name: spent[name] / total for name in sorted(spent, key=spent.get, reverse=True)[:10]}


class Spent:
    """Seconds by part; a part inside another is not counted twice."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = [0.0]

    def measured(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is measured."""

        def timed(*given: Any) -> Any:
            self._inner.append(0.0)
            synchronize()
            began = time.perf_counter()
            try:
                return call(*given)
            finally:
                synchronize()
                whole = time.perf_counter() - began
                self.seconds[part] = self.seconds.get(part, 0.0) + whole - self._inner.pop()
                self._inner[-1] += whole

        return timed

    def each(self, part: str, items: Iterator[Any]) -> Iterator[Any]:
        """Pass items on, and measure what it takes to make them."""
        following = self.measured(part, lambda: next(items, None))
        while (item := following()) is not None:
            yield item


if __name__ == "__main__":
    main()
