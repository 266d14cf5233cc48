"""Reading archives of NumPy arrays (.npz) with the keys LAYER/INDEX or LAYER/ROLE. Pickled objects are never opened.

All keys may carry the prefix `w/`; where some do, the others are not weights (inputs and outputs, say).
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.diagnostics import Sink
from transpiler.ir import LazyArray
from transpiler.ir.types import DType
from transpiler.weights.archive import Member
from transpiler.weights.stored import Stored, WeightFile
from transpiler.weights.unreadable import damaged, file_span, hostile, misshapen, unmatched, unsupported

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

PREFIX: Final = "w/"
_MAX_HEADER: Final = 65536
_MAX_RANK: Final = 32
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,6}")
_NUMBERS: Final = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")
_KEYS: Final = (
    "keys are LAYER/INDEX in the framework's own order, or LAYER/ROLE, all perhaps with w/ before them"
)
_WORDS: Final = {
    "f2": DType.FLOAT16,
    "f4": DType.FLOAT32,
    "f8": DType.FLOAT64,
    "i1": DType.INT8,
    "i2": DType.INT16,
    "i4": DType.INT32,
    "i8": DType.INT64,
    "u1": DType.UINT8,
    "b1": DType.BOOL,
}


def read_npz(archive: Mapping[str, Member], name: str, sink: Sink) -> WeightFile:
    """The arrays of an archive by layer, in the order of their indices. Raises Unreadable."""
    members = {key.removesuffix(".npy"): member for key, member in archive.items()}
    keys = _weight_keys(list(members), name, sink)
    layers: dict[str, dict[str, str]] = {}
    for key in keys:
        layer, _, place = key.removeprefix(PREFIX if keys[key] else "").rpartition("/")
        layers.setdefault(layer, {})[place] = key
    return WeightFile(name, None, {layer: _layer(layer, places, members) for layer, places in layers.items()})


def _weight_keys(keys: list[str], name: str, sink: Sink) -> dict[str, bool]:
    """The keys of weights, and whether they carry the prefix."""
    prefixed = [key for key in keys if key.startswith(PREFIX) and _names_layer(key.removeprefix(PREFIX))]
    if prefixed:
        return dict.fromkeys(prefixed, True)
    found = dict.fromkeys(filter(_names_layer, keys), False)
    if not found:
        raise unmatched("no key of the archive names a layer and one of its arrays", _KEYS)
    others = [key for key in keys if key not in found]
    if others:
        said = ", ".join(f"'{key}'" for key in others[:3]) + (", …" if len(others) > 3 else "")
        sink.warning("T7008", f"{said}: not the key of a weight, ignored", file_span(name), help=_KEYS)
    return found


def _names_layer(key: str) -> bool:
    layer, _, place = key.rpartition("/")
    return bool(layer and place)


def _layer(layer: str, places: dict[str, str], members: dict[str, Member]) -> tuple[Stored, ...]:
    """A layer's arrays: all by index, or all by role."""
    indices = {int(place): key for place, key in places.items() if _INDEX.fullmatch(place)}
    if not indices:
        return tuple(Stored(key, _array(members[key]), place) for place, key in places.items())
    if len(indices) != len(places):
        raise unmatched(f"layer '{layer}' has arrays by index and arrays by role", _KEYS)
    if sorted(indices) != list(range(len(indices))):
        missing = next(i for i in range(len(indices)) if i not in indices)
        raise unmatched(
            f"layer '{layer}' has {len(indices)} arrays, but none with the index {missing}", _KEYS
        )
    return tuple(Stored(indices[i], _array(members[indices[i]])) for i in range(len(indices)))


class _Header(msgspec.Struct, frozen=True):
    """What stands before the elements in a .npy file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    size: int
    """Bytes of the header itself."""


def _array(member: Member) -> LazyArray:
    header = _header(member)
    count = math.prod(header.shape)
    size = count * header.dtype.itemsize
    if size != member.size - header.size:
        raise misshapen(
            f"{member.name} has the shape {list(header.shape)}, which takes {size} bytes, "
            f"not {member.size - header.size}"
        )
    word = _WORDS.get(header.dtype.str[1:])
    return LazyArray(header.shape, word, lambda: _loaded(member, header))


def _loaded(member: Member, header: _Header) -> Numbers:
    import numpy as np

    array = np.empty(math.prod(header.shape), header.dtype)
    member.into(header.size, array)
    array = array.astype(header.dtype.newbyteorder("="), copy=False)
    return array.reshape(header.shape, order="F" if header.is_fortran else "C")


def _header(member: Member) -> _Header:
    start = member.start(12)
    if not start.startswith(b"\x93NUMPY") or len(start) < 12:
        raise damaged(f"{member.name} is no NumPy array")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(start[8 : 8 + width], "little")
    if start[6] not in (1, 2, 3) or length > _MAX_HEADER:
        raise damaged(f"{member.name} does not begin as NumPy arrays do")
    begin = 8 + width
    text = member.start(begin + length)[begin:]
    try:
        said = ast.literal_eval(text.decode("utf-8" if start[6] == 3 else "latin-1"))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise damaged(f"{member.name} does not say what array it is") from None
    if not isinstance(said, dict) or not {"descr", "fortran_order", "shape"} <= said.keys():
        raise damaged(f"{member.name} does not say what array it is")
    return _Header(
        _dtype(said["descr"], member.name),
        _shape(said["shape"], member.name),
        bool(said["fortran_order"]),
        begin + length,
    )


def _shape(said: Any, name: str) -> tuple[int, ...]:
    if not isinstance(said, tuple) or not all(type(size) is int and size >= 0 for size in said):
        raise misshapen(f"{name} claims the shape {str(said)[:100]}, which is impossible")
    if len(said) > _MAX_RANK or math.prod(size for size in said if size) > 1 << 48:
        raise hostile(f"{name} claims the shape {str(said)[:100]}")
    return said


def _dtype(said: Any, name: str) -> np.dtype[Any]:
    import numpy as np

    if isinstance(said, str) and "O" in said:
        raise unsupported(f"{name} holds pickled objects, which could run programs and are never opened")
    if not isinstance(said, str) or not _NUMBERS.fullmatch(said):
        raise unsupported(f"{name} holds elements of the type {str(said)[:100]}: weights are numbers")
    return np.dtype(said)
