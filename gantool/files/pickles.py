"""The pickle inside a torch file, looked through before torch reads it.

With ``weights_only=True`` torch runs no code of a file, but calls what it lists for a file that asks for it: a few
bytes make a tensor or a bytearray of any size, and a key of nested tuples is hashed for ever. Here the instructions are
followed without doing any of them, and only what ``torch.save`` writes of tensors and plain values is let through.
"""

from __future__ import annotations

import io
import pickletools
import re
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["MOST_PICKLE", "PickleError", "check_pickle"]

MOST_PICKLE = 2**24  # bytes; about 150 for each tensor
MOST_STEPS = 2 * 10**6  # instructions; about 25 for each tensor
REBUILT = frozenset(
    f"torch._utils._rebuild_{name}"
    for name in (
        "tensor", "tensor_v2", "tensor_v3", "parameter", "parameter_with_state", "sparse_tensor",
        "meta_tensor_no_storage",
    )
)  # fmt: skip
TENSOR = "torch._utils._rebuild_tensor"
TYPED = "torch._tensor._rebuild_from_type_v2"
ENCODED = "_codecs.encode"  # how Python writes bytes
DICT, SETS = "collections.OrderedDict", {"builtins.set", "__builtin__.set"}
CALLED = REBUILT | SETS | {TYPED, ENCODED, DICT, "torch.Size", "torch.device", "torch.serialization._get_layout"}
CALLED |= {"builtins.complex", "__builtin__.complex"}
ITEM_BYTES = {
    "Byte": 1, "Char": 1, "Bool": 1, "Short": 2, "Half": 2, "BFloat16": 2, "Int": 4, "Float": 4, "Long": 8, "Double": 8,
    "ComplexFloat": 8, "ComplexDouble": 16, "QInt8": 1, "QUInt8": 1, "QInt32": 4, "QUInt4x2": 1, "QUInt2x4": 1,
}  # fmt: skip
STORAGES = {f"torch.{name}Storage": size for name, size in ITEM_BYTES.items()} | {"torch.storage.UntypedStorage": 1}

Room = Callable[[str, int], bool]  # whether a storage of this key has so many bytes in the file


class PickleError(ValueError):
    """What is in a pickle besides tensors and plain values; ``damaged`` where it is no pickle at all."""

    def __init__(self, what: str, damaged: bool = False) -> None:
        super().__init__(what)
        self.damaged = damaged


class Item:
    """A value of the pickle, as far as it matters: a ``scalar``, a ``global`` by name, or what holds ``items``.

    ``kind`` is one of these, or ``tuple``, ``list``, ``dict``, ``set``, ``storage`` with its bytes and those of a
    number, and ``object`` for what is made by a call.
    """

    __slots__ = ("items", "kind", "value")

    def __init__(self, kind: str, value: Any = None, items: list[Item] | None = None) -> None:
        self.kind: str = kind
        self.value: Any = value
        self.items: list[Item] = [] if items is None and kind == "list" else items or NOTHING


NOTHING: list[Item] = []  # never filled: lists have one of their own
MARK = Item("mark")
PUSHED: dict[str, bool | None] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
SCALARS = PUSHED.keys() | {"BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "LONG1"}
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def check_pickle(stream: io.BytesIO, room: Room) -> None:
    """Follow one pickle to its end. Raises PickleError where it is more than tensors and plain values, or damaged."""
    try:
        _Machine(room).run(pickletools.genops(stream))
    except PickleError:
        raise
    except (ValueError, IndexError, KeyError, UnicodeError) as error:
        raise PickleError(f"{type(error).__name__}: {str(error)[:80]}", damaged=True) from error


class _Machine:
    """A stack as torch's unpickler has it, of what values are and not of values."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.stack: list[Item] = []
        self.memo: dict[int, Item] = {}

    def run(self, steps: Iterator[Any]) -> None:
        for number, (step, argument, _) in enumerate(steps):
            if number > MOST_STEPS:
                raise PickleError(f"more than {MOST_STEPS} instructions")
            self._step(step.name, argument)

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in SCALARS:
            stack.append(Item("scalar", PUSHED.get(name, argument)))
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif name == "GLOBAL":
            stack.append(Item("global", argument.replace(" ", ".")))
        elif name in TUPLES or name == "TUPLE":
            stack.append(Item("tuple", items=self._pop(TUPLES[name]) if name in TUPLES else self._to_mark()))
        elif name == "MARK":
            stack.append(MARK)
        elif name in ("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"):
            stack.append(Item(name[6:].lower()))
        elif name in ("APPEND", "APPENDS"):
            items = self._pop(1) if name == "APPEND" else self._to_mark()
            _demand(stack[-1].kind == "list", "a list that is none")
            stack[-1].items.extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self._pop(2) if name == "SETITEM" else self._to_mark()
            _demand(all(map(_is_key, items[::2])), "a name of nested values")
        elif name in ("REDUCE", "NEWOBJ"):
            called, given = self._pop(2)
            stack.append(_call(called, given))
        elif name == "BUILD":
            (state,) = self._pop(1)
            _demand(state.kind == "dict" and stack[-1].kind == "object", "a state that is not of tensors")
        elif name == "BINPERSID":
            stack.append(self._storage(*self._pop(1)))
        elif name not in ("PROTO", "STOP"):
            raise PickleError(f"the instruction {name}")

    def _pop(self, count: int) -> list[Item]:
        if len(self.stack) < count or MARK in self.stack[len(self.stack) - count :]:
            raise IndexError("its stack is empty")
        found = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return found

    def _to_mark(self) -> list[Item]:
        place = len(self.stack) - 1
        while self.stack[place] is not MARK:
            place -= 1
            if place < 0:
                raise IndexError("its stack has no mark")
        found = self.stack[place + 1 :]
        del self.stack[place:]
        return found

    def _storage(self, number: Item) -> Item:
        """Check that the file holds what the tensors of a storage are to lie in."""
        items = number.items
        _demand(number.kind == "tuple" and len(items) in (5, 6) and all(map(_is_flat, items)), "a malformed storage")
        size = STORAGES.get(items[1].value if items[1].kind == "global" else "")
        count, key = items[4].value, items[2].value
        whole = size is not None and type(count) is int and count >= 0
        _demand(whole and isinstance(key, (str, bytes)), "a malformed storage")
        key = key.decode("latin1") if isinstance(key, bytes) else key
        _demand(self.room(key, count * (size or 0)), "a storage that is not as large as it says")
        return Item("storage", (count * (size or 0), size))


def _call(called: Item, given: Item) -> Item:
    """Check a call that the pickle asks for, and return what comes of it."""
    name = called.value if called.kind == "global" else "a call of no function"
    _demand(name in CALLED, str(name))
    arguments = given.items
    _demand((given.kind == "tuple" and all(map(_is_flat, arguments))) or name == TYPED, f"a call of {name}")
    if name.startswith(TENSOR):
        _demand(_lies_in_storage(name, arguments), "a tensor that is larger than what it lies in")
    elif name == TYPED:
        _demand(len(arguments) == 4 and arguments[0].value in REBUILT, f"a call of {name}")
        _call(arguments[0], arguments[2])
    elif name == ENCODED:
        _demand([one.kind for one in arguments] == ["scalar"] * 2 and arguments[1].value == "latin1", name)
    elif name == DICT and arguments:
        (pairs,) = arguments if len(arguments) == 1 else (MARK,)
        sound = pairs.kind == "list" and all(len(pair.items) == 2 and _is_key(pair.items[0]) for pair in pairs.items)
        _demand(sound, name)
    elif name in SETS:
        _demand(len(arguments) == 1 and all(one.kind == "scalar" for one in arguments[0].items), name)
    return Item("object")


def _lies_in_storage(name: str, arguments: list[Item]) -> bool:
    """Whether all numbers of a tensor are in its storage, which torch would make larger."""
    if len(arguments) < 4 or arguments[0].kind != "storage":
        return False
    (room, width), (offset, sizes, strides) = arguments[0].value, arguments[1:4]
    if name.endswith("v3"):  # the storage is of bytes, and the type is the seventh
        digits = re.search(r"[0-9]+", str(arguments[6].value)) if len(arguments) > 6 else None
        width = max(1, int(digits[0]) // 8) if digits else 1
    numbers = [offset.value, *(one.value for one in (*sizes.items, *strides.items))]
    if not all(type(number) is int and number >= 0 for number in numbers) or len(sizes.items) != len(strides.items):
        return False
    if any(one.value == 0 for one in sizes.items):
        return True
    steps = zip(sizes.items, strides.items, strict=True)
    last = offset.value + sum((size.value - 1) * stride.value for size, stride in steps)
    return bool((last + 1) * width <= room)


def _is_flat(item: Item) -> bool:
    """Whether a tuple holds no tuples; what is no tuple is flat."""
    return item.kind != "tuple" or all(one.kind != "tuple" for one in item.items)


def _is_key(item: Item) -> bool:
    small = item.kind == "tuple" and len(item.items) <= 64 and all(one.kind == "scalar" for one in item.items)
    return small or item.kind == "scalar"


def _demand(sound: object, what: str) -> None:
    if not sound:
        raise PickleError(what)
