"""Where a film or a strip goes, and writing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gantool.errors import OptionError

if TYPE_CHECKING:
    from gantool.latent.frames import Film
    from gantool.latent.model import Model
    from gantool.render.provenance import Provenance

WIDEST = 12  # pictures in a row of a strip
FORMS = (".png", ".gif", ".webp", ".mp4")
Item = TypeVar("Item")


def is_strip(out: Path | None, loop: str) -> bool:
    """Whether the frames lie side by side in one PNG; what loops is a film unless it is asked for otherwise."""
    return loop == "none" if out is None else out.suffix.lower() == ".png"


def check_out(given: str | None) -> Path | None:
    """Return the place that ``-o`` names. Raises OptionError, before anything is drawn, for a form that is unknown."""
    if given is None:
        return None
    from gantool.render.animation import check_film

    out = Path(given)
    suffix = out.suffix.lower()
    if suffix and not out.is_dir():
        if suffix not in FORMS:
            hint = f"type: -o {out.with_suffix('.gif')}"
            raise OptionError("-o", f"{given} was given", f"{', '.join(FORMS)} or a folder", hint)
        if suffix != ".png":
            check_film(out)
    return out


def new_name(model: Model, suffix: str) -> Path:
    """Return a name that is free in the run folder of a model, or beside its checkpoint."""
    home = model.path.parent.parent if model.path.parent.name == "checkpoints" else model.path.parent
    number = 1
    while (home / (name := f"interpolation{'' if number == 1 else f'-{number}'}{suffix}")).exists():
        number += 1
    return home / name


def counted(items: Iterable[Item], total: int, quiet: bool) -> Iterator[Item]:
    """Pass items on under a progress bar, where a person looks on."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    hidden = quiet or not console.is_terminal
    yield from track(items, "Drawing", total=total, console=console, disable=hidden)


def write_film(film: Film, out: Path, fps: float, carried: Sequence[Provenance] | None) -> None:
    """Write frames: a strip (``.png``), a film by its suffix, or a folder of PNGs.

    A strip of frames with several pictures has a row for each of them. ``carried`` is the provenance of each frame.
    """
    from gantool.render.animation import save_film, still
    from gantool.render.provenance import save_png

    suffix = out.suffix.lower()
    if suffix == ".png":
        _strip(film, out, carried)
    elif suffix in FORMS and not out.is_dir():
        save_film([still(frame) for frame in film.pixels], out, fps)
    else:
        for index, frame in enumerate(film.pixels):
            save_png(still(frame, 1), out / f"{index:06d}.png", None if carried is None else carried[index])


def _strip(film: Film, out: Path, carried: Sequence[Provenance] | None) -> None:
    import numpy as np

    from gantool.render.grid import grid
    from gantool.render.provenance import save_png

    frames, rows = film.pixels.shape[:2]
    columns = min(frames, WIDEST) if rows == 1 else frames
    whole: Provenance | None = None
    if carried:
        joined = {key: np.concatenate([one[key] for one in carried]) for key in ("z", "c") if carried[0][key] is not None}
        whole = {**carried[0], "c": None, **joined}
    save_png(grid(film.pixels.swapaxes(0, 1).reshape(-1, *film.pixels.shape[2:]), columns), out, whole)


def figures(film: Film, norms: Sequence[float] | None) -> dict[str, Any]:
    """Return what ``--json`` says of a film."""
    return {
        "frames": len(film.pixels),
        "norms": None if norms is None else list(norms),
        "steps": list(film.steps),
        "seam_ratio": film.seam,
        "smoothness": film.smoothness,
    }
