"""Where a film or a strip goes, and writing it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import OptionError
from gantool.files.names import free

if TYPE_CHECKING:
    from gantool.latent.frames import Film
    from gantool.latent.model import Model
    from gantool.render.provenance import Provenance

WIDEST = 12  # pictures in a row of a strip
FORMS = (".png", ".gif", ".webp", ".mp4")


def check_out(given: str | None) -> Path | None:
    """Return the place that ``-o`` names, or a free one like it: two films in one folder would be mixed.

    Raises OptionError, before anything is drawn, for a form that is unknown.
    """
    if given is None:
        return None
    from gantool.render.animation import check_film

    out = Path(given)
    if out.suffix and out.suffix.lower() not in FORMS and not out.is_dir():
        hint = f"type: -o {out.with_suffix('.gif')}"
        raise OptionError("-o", f"{given} was given", f"{', '.join(FORMS)} or a folder", hint)
    if is_film(out):
        check_film(out)
    return free(out)


def is_film(out: Path) -> bool:
    """Whether a place is a film: neither a strip nor a folder."""
    return out.suffix.lower() in FORMS[1:] and not out.is_dir()


def new_name(model: Model, suffix: str) -> Path:
    """Return a name that is free in the run folder of a model, or beside its checkpoint."""
    home = model.path.parent.parent if model.path.parent.name == "checkpoints" else model.path.parent
    return free(home / f"interpolation{suffix}")


def write_film(film: Film, out: Path, fps: float, carried: Sequence[Provenance] | None) -> None:
    """Write frames of pictures: a strip (``.png``), a film by its suffix, or a folder of PNGs.

    A strip of frames with several pictures has a row for each of them. ``carried`` is the provenance of each frame.
    """
    from gantool.render.animation import save_film, still
    from gantool.render.provenance import save_png

    if is_film(out):
        save_film([still(frame) for frame in film.pixels], out, fps)
    elif out.suffix.lower() == ".png":
        _strip(film, out, carried)
    else:
        for index, frame in enumerate(film.pixels):
            save_png(still(frame, 1), out / f"{index:06d}.png", None if carried is None else carried[index])


def _strip(film: Film, out: Path, carried: Sequence[Provenance] | None) -> None:
    import numpy as np

    from gantool.render.grid import grid
    from gantool.render.provenance import save_png

    frames, rows = film.pixels.shape[:2]
    columns = -(-frames // -(-frames // WIDEST)) if rows == 1 else frames  # rows of equal length, but for the last
    whole: Provenance | None = None
    if carried:
        joined = {
            key: np.concatenate([one[key] for one in carried]) for key in ("z", "c") if carried[0][key] is not None
        }
        whole = {**carried[0], "c": None, **joined}
    save_png(grid(film.pixels.swapaxes(0, 1).reshape(-1, *film.pixels.shape[2:]), columns), out, whole)
