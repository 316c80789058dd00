"""Reads one hostile input and says what came of it: accepted, refused as gantool refuses, or a finding.

A finding is another exception than a GantoolError, a warning, a hang, and an import, a file or a process that the input
named: an audit hook sees these wherever they happen.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import sysconfig
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from gantool.errors import GantoolError

__all__ = ["SECONDS", "Reader", "Watch", "attempt"]

SECONDS = 10.0  # that one input may take


@dataclass(frozen=True)
class Reader:
    """A reader with valid files; ``memory`` is the MiB that it may take for a file of at most 1 MiB."""

    name: str
    seeds: Sequence[bytes]
    read: Callable[[Path], object]
    mutate: Callable[[Random, bytes], bytes]
    file: str = "input"
    memory: int = 256


class Watch:
    """Notes what a reader does that no file may make it do; armed by ``attempt``."""

    QUIET = frozenset(
        {
            "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn",
            "socket.connect", "socket.bind", "socket.getaddrinfo", "pickle.find_class", "ctypes.dlopen", "os.remove",
            "os.rename", "shutil.rmtree", "webbrowser.open",
        }
    )  # fmt: skip

    def __init__(self) -> None:
        self.armed = False
        self.seen: list[str] = []
        self.home = ""
        own = Path(__file__).resolve().parents[2]
        places = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        self.code = tuple({str(Path(place).resolve()) for place in places} | {str(own), sys.base_prefix, sys.prefix})
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event == "open":
            self._opened(*arguments[:2])
        elif event == "import" and not self._known(str(arguments[0])):
            self._note(f"imports {arguments[0]}")
        elif event == "exec" and not self._ours(arguments[0].co_filename):
            self._note(f"runs code of {arguments[0].co_filename}")
        elif event in self.QUIET and not (event in ("os.remove", "os.rename") and self._inside(arguments[0])):
            self._note(f"{event} {arguments[0]!r:.100}")

    def _opened(self, path: Any, mode: Any) -> None:
        if isinstance(path, int) or self._inside(path):
            return
        name = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else str(path)
        writes = isinstance(mode, str) and any(letter in mode for letter in "wax+")
        if writes or not name.startswith((*self.code, "/proc/", "/sys/", "/dev/null")):
            self._note(f"opens {name}")

    def _ours(self, file: str) -> bool:
        """Whether code is that of an installed module, or what the standard library makes up for a class."""
        if file == "<string>":
            file = sys._getframe(2).f_code.co_filename
        return file.startswith((*self.code, "<frozen"))

    def _inside(self, path: Any) -> bool:
        with contextlib.suppress(TypeError):
            return os.fsdecode(path).startswith(self.home)
        return False

    def _known(self, name: str) -> bool:
        return name.partition(".")[0] in KNOWN and not (name.startswith("encodings.") and name not in CODECS)

    def _note(self, what: str) -> None:
        self.seen.append(what)

    @contextlib.contextmanager
    def over(self, home: Path) -> Iterator[None]:
        """Watch what is done by the way; ``home`` is where files may be opened."""
        self.home, self.seen, self.armed = str(home), [], True
        try:
            yield
        finally:
            self.armed = False


KNOWN = frozenset(
    {
        *sys.stdlib_module_names, "gantool", "gantool_classic", "torch", "torchvision", "numpy", "PIL", "safetensors",
        "msgspec", "click", "rich", "pluggy", "filelock", "platformdirs", "tomli_w", "sympy", "mpmath", "markdown_it",
        "pygments", "mdurl", "typing_extensions", "jinja2", "markupsafe", "networkx", "scipy", "fsspec", "matplotlib",
    }
)  # fmt: skip
"""Packages whose modules may be imported on first use: gantool's own and those that it depends on."""
TEXT = ("cp437", "utf_8_sig", "utf_8", "ascii", "latin_1", "idna", "raw_unicode_escape")  # the last by pickletools
CODECS = frozenset(f"encodings.{name}" for name in TEXT)
"""Of text that a reader decodes by itself; another one would be the file's choice."""


class Hang(BaseException):
    """An input that takes more than ``SECONDS``."""


def _alarm(signum: int, frame: Any) -> None:
    raise Hang


def attempt(reader: Reader, data: bytes, folder: Path, watch: Watch) -> tuple[str, str]:
    """Read one input; return ``accepted``, ``refused`` or ``finding``, and what was said."""
    path = folder / reader.file
    path.write_bytes(data)
    before = signal.signal(signal.SIGALRM, _alarm)
    said = ""
    try:
        with warnings.catch_warnings(record=True) as warned, watch.over(folder):
            warnings.simplefilter("always")
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                reader.read(path)
                result = "accepted"
            except GantoolError as error:
                result, said = "refused", str(error)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    except Hang:
        return "finding", f"hang: {_where()}"
    except BaseException as error:
        return "finding", f"{type(error).__name__}: {error!s:.300}\n{_where()}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if watch.seen:
        return "finding", f"{'; '.join(dict.fromkeys(watch.seen))}"
    if warned:
        return "finding", f"warns: {warned[0].category.__name__}: {warned[0].message!s:.200}"
    if said and (len(said) > 10_000 or not said.isprintable()):
        return "finding", f"says what is no short line: {said[:200]!r}"
    if "allocate memory" in said or "MemoryError" in said:
        return "finding", f"asked for more memory than it may: {said[:300]}"
    return result, said


def _where() -> str:
    return "".join(traceback.format_exception(*sys.exc_info())[-7:])[-2500:]
