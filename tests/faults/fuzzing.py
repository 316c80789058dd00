"""Every reader of files, with valid files and with how they are spoilt: what fuzzing runs over.

    for number, data in inputs(READERS["checkpoint"], seed=0):
        attempt(READERS["checkpoint"], data, folder, watch)

Every input follows from (seed, reader, number).
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import valid_files as valid
from spoiling import (
    scramble,
    spoil_any,
    spoil_gzip,
    spoil_json,
    spoil_legacy,
    spoil_lines,
    spoil_npy,
    spoil_png,
    spoil_safetensors,
    spoil_toml,
    spoil_torch,
    spoil_zip,
)
from valid_files import REGISTRY, Enough
from watching import Reader

from gantool.cli import main
from gantool.config import Tier, resolve
from gantool.errors import DataError, GantoolError, UserError
from gantool.evaluation import results
from gantool.files import (
    checkpoint,
    dataset,
    directions,
    envelope,
    features,
    foreign,
    latents,
    manifest,
    pack_writer,
    scores,
    settings,
)
from gantool.files.pack_writer import write_pack
from gantool.files.pictures import read_picture
from gantool.interfaces import Start
from gantool.latent.directions import _array
from gantool.latent.model import open_model
from gantool.latent.scorer import open_scorer
from gantool.latent.sources import recognise
from gantool.render import provenance
from gantool.training import observers
from gantool.training.appraisal import Appraisal
from gantool.training.folder import RunFolder
from gantool.training.watch import recalled
from gantool_classic.datasets import celeba, idx, pictures
from gantool_classic.datasets.packing import _no_warnings
from gantool_classic.datasets.settings import CelebaOptions


def read_envelope(path: Path) -> None:
    """Read the header, without torch, and the tensors."""
    envelope.read_header(path)
    envelope.read_tensors(path)


def read_model(path: Path) -> None:
    """Open a model and draw two samples."""
    model = open_model(path, REGISTRY)
    model.samples(model.latents([0, 1]), model.labels([0, 1]))


def read_settings(path: Path) -> None:
    """Read settings and resolve them."""
    resolve(REGISTRY, [Tier(f"--config {path}", settings.read_settings(path))])


def read_results(path: Path) -> None:
    """Read results and compare them with themselves."""
    found = results.read(path)
    results.compare(("a", "b"), (found, found))


def read_pack(path: Path) -> None:
    """Open a pack and look at its pictures."""
    _, samples = dataset.read_pack(path)
    samples.values.sum()


def read_idx(path: Path) -> None:
    """Read pictures or labels, as many as there are."""
    for dimensions in (1, 3):
        with contextlib.suppress(GantoolError):
            idx.read_idx(path, dimensions, 2)
    idx.read_idx(path, 3)


def read_celeba(path: Path) -> None:
    """List faces by their attributes and splits; of the two files that say so, one is the input."""
    folder = path.parent / celeba.PICTURES
    if not folder.is_dir():
        folder.mkdir()
        (folder / "000001.jpg").write_bytes(valid.picture_file("JPEG"))
    if path.stem != celeba.ATTRIBUTES:
        (path.parent / f"{celeba.ATTRIBUTES}.txt").write_bytes(valid.ATTRIBUTES)
    celeba.Celeba(CelebaOptions(root=str(path.parent))).describe()


def read_journal(path: Path) -> int:
    """Go on with a pack of which the input is the journal, and return how many rows of it were taken over."""
    target = path.parent / "pack"
    part, journal = pack_writer.partial(target)
    part.write_bytes(bytes(4096))
    journal.write_bytes(path.read_bytes())
    with contextlib.suppress(Enough), write_pack(target, 4, (1, 2, 3), key="key") as writer:
        raise Enough
    return writer.row


def read_manifest(path: Path) -> None:
    """Join a folder of samples that has the input as its manifest."""
    folder = path.parent / "samples"
    folder.mkdir(exist_ok=True)
    (folder / manifest.NAME).write_bytes(path.read_bytes())
    with patch.object(manifest, "PATIENCE", 0.0):
        manifest._joined(folder, 5, lambda count: {**valid.MANIFEST, "count": count})


def read_log(path: Path) -> None:
    """Take a log over as a resumed run does."""
    start = Start(path.parent, 2, 9, None, "cpu")
    observers.read_log(path)
    recalled(path, start)
    folder = RunFolder(path.parent)
    run = SimpleNamespace(_kept="fid", by="abc", best=None)
    (path.parent / "checkpoints").mkdir(exist_ok=True)
    (path.parent / "checkpoints" / "step-00000002.safetensors").touch()
    (path.parent / "best").write_text("checkpoints/step-00000002.safetensors\n")
    Appraisal.recall(run, folder)  # type: ignore[arg-type]
    log = observers.JsonLog(path)
    log.on_start(start)
    log.on_end(2)


def read_pointer(path: Path) -> None:
    """Find the checkpoint of a run whose pointer is the input."""
    (path.parent / "checkpoints").mkdir(exist_ok=True)
    (path.parent / "checkpoints" / "step-00000002.safetensors").touch()
    found = checkpoint.find(path.parent)
    assert found.resolve().parent == (path.parent / "checkpoints").resolve(), found


def command(*words: str) -> None:
    """Run the command line: code 0, or 2 with one line, is right."""
    out, err = (
        io.TextIOWrapper(io.BytesIO(), "utf-8", "strict" if name == "out" else "backslashreplace")
        for name in ("out", "err")
    )
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.suppress(SystemExit):
        code: object = 0
        try:
            main.run(list(words))
        except SystemExit as stopped:
            code = stopped.code
    err.flush()
    said = err.buffer.getvalue().decode()  # type: ignore[attr-defined]
    if code not in (0, 2) or (code == 2 and said.count("\n") != 1):
        raise AssertionError(f"exit code {code}, and said: {said[:2000]}")
    if code == 2:
        raise UserError("gantool", "refused")


def convert(path: Path) -> None:
    """Turn a file of another tool into a checkpoint by the command line."""
    out = path.with_name("out.safetensors")
    out.unlink(missing_ok=True)
    command("convert", str(path), str(out), "-q")


PIXELS = 2048  # MiB: a picture of the most pixels, and a copy or two of it
CONVERSION = pictures.Conversion(6, 6)


def read_dataset_picture(path: Path) -> None:
    """Read a picture of a dataset; one that is none is listed with the reason, and left out."""
    try:
        with _no_warnings():
            pictures.read_picture(path, CONVERSION)
    except pictures.PictureError as error:
        raise DataError(str(path), str(error)) from error


READERS = {
    reader.name: reader
    for reader in (
        Reader("envelope", valid.OURS, read_envelope, spoil_safetensors),
        Reader("checkpoint", valid.CHECKPOINTS, checkpoint.read, spoil_safetensors),
        Reader("model", valid.CHECKPOINTS, read_model, spoil_safetensors),
        Reader("torch-zip", valid.ZIPPED, foreign.read_torch, spoil_zip),
        Reader("torch-legacy", valid.LEGACY, foreign.read_torch, spoil_legacy),
        Reader("foreign", [valid.ZIPPED[0]], read_model, spoil_zip),
        Reader("convert", [valid.ZIPPED[0], valid.LEGACY[0]], convert, spoil_torch),
        Reader(
            "inspect", [*valid.OURS, *valid.PNGS, *valid.ZIPPED], lambda path: command("inspect", str(path)), spoil_any
        ),
        Reader(
            "inspect-json", [valid.results_file()], lambda path: command("inspect", str(path)), spoil_json, "r.json"
        ),
        Reader("npy", [valid.ARRAY], foreign.read_npy, spoil_npy),
        Reader("boundary", [valid.ARRAY], _array, spoil_npy),
        Reader(
            "latents",
            [valid.latents_file("z.safetensors"), valid.latents_file("z.pt"), valid.ARRAY],
            latents.read,
            spoil_any,
        ),
        Reader(
            "source",
            [valid.latents_file("z.pt"), valid.ARRAY, *valid.PNGS],
            lambda path: recognise(str(path)),
            spoil_any,
        ),
        Reader("provenance", valid.PNGS, provenance.read_provenance, spoil_png, memory=PIXELS),
        Reader("picture", valid.PICTURES, lambda path: read_picture(path, (3, 6, 6)), spoil_png, memory=PIXELS),
        Reader("dataset-picture", valid.PICTURES, read_dataset_picture, spoil_png, memory=PIXELS),
        Reader("settings", [valid.TOML, valid.CHECKPOINTS[1]], read_settings, spoil_toml, "config.toml"),
        Reader(
            "idx",
            [valid.idx_file((3, 2, 4)), valid.idx_file((3, 2, 4), True), valid.idx_file((7,))],
            read_idx,
            spoil_gzip,
        ),
        Reader("celeba", [valid.ATTRIBUTES], read_celeba, scramble, "list_attr_celeba.txt"),
        Reader("celeba-split", [b"000001.jpg 0\n000002.jpg 2\n"], read_celeba, scramble, "list_eval_partition.txt"),
        Reader("directions", [valid.directions_file()], directions.read, spoil_safetensors),
        Reader("scores", [valid.scores_file()], scores.read, spoil_safetensors),
        Reader("features", [valid.features_file()], features.read, spoil_safetensors),
        Reader(
            "classifier",
            [valid.classifier_file()],
            lambda path: open_scorer(str(path), REGISTRY, None),
            spoil_safetensors,
        ),
        Reader("results", [valid.results_file()], read_results, spoil_json),
        Reader("pack", [valid.pack_file(False), valid.pack_file(True)], read_pack, spoil_safetensors),
        Reader("journal", [valid.journal_file()], read_journal, spoil_lines),
        Reader("manifest", [json.dumps(valid.MANIFEST).encode()], read_manifest, spoil_json),
        Reader("log", [valid.LOG], read_log, spoil_lines, "log.jsonl"),
        Reader("pointer", [b"checkpoints/step-00000002.safetensors\n"], read_pointer, scramble, "latest"),
    )
}


LONGEST = 2**20  # bytes of an input, for which the readers' bounds on memory hold


def inputs(reader: Reader, seed: int, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield spoilt files without end, numbered."""
    number = start
    while True:
        random = Random(f"{seed}:{reader.name}:{number}")
        yield number, reader.mutate(random, random.choice(reader.seeds))[:LONGEST]
        number += 1
