"""Fuzzing of every reader of files, by the hundred thousand; a part of it runs with the tests.

    python tests/benchmarks/fuzz.py --inputs 200000 -o fuzz.jsonl
    python tests/benchmarks/fuzz.py --readers model,torch-zip --minutes 5 --seed 1
    python tests/benchmarks/fuzz.py --readers results --minutes 5 --atheris     # guided by coverage

Each reader runs in a process of its own, which may take the memory that its table states beyond what it has when all is
imported, and is killed where an input takes longer than three times the tests' bound. What is a finding is said in
``tests/faults/watching.py``; each is saved with its input and traceback below ``--findings``, at most three of a kind.
A line of JSON for each reader: inputs, seconds, accepted, refused, findings, kinds, and the peak of memory in MiB above
that of the start.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import re
import resource
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

KEPT = 3  # findings of a kind that are saved
COUNTS = ("accepted", "refused", "finding")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000, help="for each reader [20000]")
    parser.add_argument("--minutes", type=float, default=60.0, help="for each reader, at most [60]")
    parser.add_argument("--readers", help="names with commas between them [all]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true", help="let coverage guide the mutations")
    parser.add_argument("--findings", default="fuzz-findings", help="folder for what was found")
    parser.add_argument("-o", "--out", default="fuzz.jsonl")
    args = parser.parse_args()
    from fuzzing import READERS

    for name in args.readers.split(",") if args.readers else READERS:
        row = run(name, args)
        with Path(args.out).open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def run(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run one reader in child processes, a new one behind an input that ended the last."""
    total: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    peak, start, began = 0, 0, time.monotonic()
    until = began + 60 * args.minutes
    with tempfile.TemporaryDirectory() as folder:
        while start < args.inputs and time.monotonic() < until:
            state = Path(folder) / "state"
            ended = supervise(name, args, start, state, until)
            told = json.loads(state.with_suffix(".json").read_text())
            total.update({key: told[key] for key in COUNTS})
            kinds.update(told["kinds"])
            peak, start = max(peak, told["peak"]), told["next"]
            if ended:
                number = struct.unpack("<q", state.read_bytes())[0]
                if not args.atheris:  # whose inputs do not follow from their number
                    keep(Path(args.findings), name, args.seed, number, ended)
                total["finding"] += 1
                kinds[ended] += 1
                start = number + 1
    seconds = time.monotonic() - began
    done = sum(total[key] for key in COUNTS)
    counts = {"accepted": total["accepted"], "refused": total["refused"], "findings": total["finding"]}
    rest = {"kinds": dict(kinds), "peak_mib": peak, "seed": args.seed, "guided": args.atheris}
    return {"reader": name, "inputs": done, "seconds": round(seconds, 1), **counts, **rest}


def supervise(name: str, args: argparse.Namespace, start: int, state: Path, until: float) -> str:
    """Run one child; return how an input ended it, empty where none did."""
    from watching import SECONDS

    state.write_bytes(struct.pack("<q", start))
    fresh = dict.fromkeys(COUNTS, 0)
    state.with_suffix(".json").write_text(json.dumps({**fresh, "kinds": {}, "peak": 0, "next": start}))
    vars(args).update(child=name, start=start, state=str(state), left=until - time.monotonic())
    process = multiprocessing.get_context("spawn" if args.atheris else "fork").Process(target=work, args=(args,))
    process.start()
    last, since = state.read_bytes(), time.monotonic() + (300 if args.atheris else 0)  # to instrument takes a while
    while process.exitcode is None:
        process.join(0.2)
        if (seen := state.read_bytes()) != last:
            last, since = seen, time.monotonic()
        if time.monotonic() - since > 60 + 3 * SECONDS:
            process.kill()
            process.join()
            return "hang that no signal ends"
    return "" if process.exitcode == 0 else f"ended by {process.exitcode}"


def work(args: argparse.Namespace) -> None:
    """Do the work of a child."""
    (guided if args.atheris else child)(args)


def child(args: argparse.Namespace) -> None:
    """Read inputs one after the other, and tell how far it is."""
    from fuzzing import READERS, inputs

    reader = READERS[args.child]
    with prepared(args, reader) as (once, tell):
        until = time.monotonic() + args.left
        for number, data in inputs(reader, args.seed, args.start):
            if number >= args.inputs or time.monotonic() > until:
                tell(number)
                break
            once(number, data)


@contextlib.contextmanager
def prepared(
    args: argparse.Namespace, reader: Any
) -> Iterator[tuple[Callable[[int, bytes], None], Callable[[int], None]]]:
    """Warm a reader up, bound its memory, and give what reads one input and what tells how far it is."""
    from watching import Watch, attempt

    watch = Watch()
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    state = Path(args.state)
    handle = os.open(state, os.O_WRONLY)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        home = Path(folder)
        for data in reader.seeds:
            result, said = attempt(reader, data, home, watch)
            if result == "finding" and not said.startswith("opens"):
                print(f"{reader.name}: a valid file is a finding: {said}", file=sys.stderr)
        first, used = memory()
        bound = used + reader.memory * 2**20
        free, most = resource.getrlimit(resource.RLIMIT_DATA)

        def tell(number: int) -> None:
            told = {key: counts[key] for key in COUNTS} | {"kinds": kinds, "next": number}
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - first
            state.with_suffix(".json").write_text(json.dumps({**told, "peak": peak}))

        def once(number: int, data: bytes) -> None:
            os.pwrite(handle, struct.pack("<q", number), 0)
            resource.setrlimit(resource.RLIMIT_DATA, (bound, most))
            result, said = attempt(reader, data, home, watch)
            resource.setrlimit(resource.RLIMIT_DATA, (free, most))  # what is spoilt next may be long before it is cut
            counts[result] += 1
            if result == "finding":
                kinds[kind_of(said)] += 1
                if kinds[kind_of(said)] <= KEPT:
                    keep(Path(args.findings), reader.name, args.seed, number, said, data)
            if number % 256 == 0 or result == "finding":
                tell(number + 1)

        yield once, tell


def guided(args: argparse.Namespace) -> None:
    """Read inputs that atheris chooses: those whose coverage is new are spoilt further."""
    import atheris

    with atheris.instrument_imports(include=["gantool", "gantool_classic", "tomllib", "gzip"]):
        from fuzzing import READERS
    reader = READERS[args.child]
    corpus = Path(args.state).parent / "corpus"
    corpus.mkdir(exist_ok=True)
    for index, data in enumerate(reader.seeds):
        (corpus / str(index)).write_bytes(data)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        try:
            return reader.mutate(Random(seed), data)[:most]
        except Exception:  # what is no longer of its format
            return bytes(atheris.Mutate(data, most))

    number = args.start
    with prepared(args, reader) as (once, tell):

        def one(data: bytes) -> None:
            nonlocal number
            once(number, data)
            number += 1
            if number >= args.inputs or time.monotonic() > until:
                tell(number)
                os._exit(0)  # atheris takes any exception for a crash

        until = time.monotonic() + args.left
        flags = [str(corpus), "-max_len=65536", f"-seed={args.seed + 1}", "-verbosity=0", "-rss_limit_mb=0"]
        flags += ["-handle_alrm=0"]  # the alarm is ours
        atheris.Setup(["fuzz", *flags], one, custom_mutator=mutate)
        atheris.Fuzz()


def memory() -> tuple[int, int]:
    """Return the peak of resident memory in MiB, and the bytes of data that this process has."""
    status = Path("/proc/self/status").read_text()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, 1024 * int(status.split("VmData:")[1].split()[0])


def kind_of(said: str) -> str:
    """Shorten what was said so that findings of one cause have one kind."""
    lines = [line for line in said.splitlines() if line.strip()]
    places = [line for line in lines if "gantool" in line and line.strip().startswith("File")]
    first = re.sub(r"\d+", "#", lines[0])[:120] if lines else "nothing"
    return f"{first} @ {places[-1].strip().split('/')[-1]}" if places else first


def keep(folder: Path, name: str, seed: int, number: int, said: str, data: bytes | None = None) -> None:
    """Save a finding: its input, made again where it is not at hand, and what was seen."""
    from fuzzing import READERS, inputs

    data = next(inputs(READERS[name], seed, number))[1] if data is None else data
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-{seed}-{number}.bin").write_bytes(data)
    (folder / f"{name}-{seed}-{number}.txt").write_text(said, errors="replace")


if __name__ == "__main__":
    main()
