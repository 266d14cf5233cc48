"""Reading Caffe's weight files (.caffemodel): a binary NetParameter of any generation, its blobs left in the file.

Facts: caffe.proto of BVLC Caffe 1.0 (V0, V1 and today's layers) and of NVIDIA's fork (`raw_data`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.diagnostics import Sink
from transpiler.ir import LazyArray
from transpiler.ir.types import DType
from transpiler.weights.file_bytes import FileBytes
from transpiler.weights.stored import Stored, WeightFile
from transpiler.weights.unreadable import (
    Unreadable,
    damaged,
    file_span,
    foreign,
    hostile,
    misshapen,
    unsupported,
)
from transpiler.weights.wire import Field, WireType, fields, run, varints

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

_NET_NAME: Final = 1
_NET_LAYERS_V1: Final = 2
_NET_LAYER: Final = 100
_MAX_BLOBS: Final = 1_000_000
_MAX_SEGMENTS: Final = 100_000
_MAX_RANK: Final = 32
"""Caffe's own limit of a blob's axes."""
_MAX_ELEMENTS: Final = 1 << 48


class _Generation(msgspec.Struct, frozen=True):
    """Where a layer message of one generation keeps its name and its blobs; V0 has them in a message of their own."""

    name: int
    blobs: int
    inner: int | None = None


_TODAY: Final = _Generation(name=1, blobs=7)
_V1: Final = _Generation(name=4, blobs=6, inner=1)
_V0: Final = _Generation(name=1, blobs=50)
_GENERATIONS: Final = {_NET_LAYERS_V1: _V1, _NET_LAYER: _TODAY}


def read_caffemodel(data: FileBytes, name: str, sink: Sink) -> WeightFile:
    """The blobs of all layers that have any, in Caffe's own order. Raises Unreadable.

    Blobs without `shape` have the four axes num, channels, height, width, as old files do: Caffe itself compares them
    without leading ones, and so must whoever uses them.
    """
    layers: dict[str, tuple[Stored, ...]] = {}
    names = count = 0
    for field in fields(data, 0, data.size):
        if field.number == _NET_NAME:
            names += 1
            if field.type is not WireType.BYTES or names > 1:
                raise foreign("this is no Caffe weight file: it has several names")
        if field.number not in _GENERATIONS or field.type is not WireType.BYTES:
            continue
        layer, stored = _layer(data, field, _GENERATIONS[field.number])
        count += len(stored)
        if count > _MAX_BLOBS:
            raise hostile("the file has more blobs than any real network")
        if not stored:
            continue
        if layer in layers:
            sink.warning(
                "T7007",
                f"the weight file has the layer '{layer}' twice; the later one's arrays count, as in Caffe",
                file_span(name),
            )
        layers[layer] = stored
    return WeightFile(name, "caffe", layers)


def _layer(data: FileBytes, field: Field, generation: _Generation) -> tuple[str, tuple[Stored, ...]]:
    """A layer's name and blobs."""
    name, places = _parts(data, field, generation)
    stored = []
    for index, place in enumerate(places):
        try:
            stored.append(Stored(f"{name}/{index}", _blob(data, place)))
        except Unreadable as error:
            raise Unreadable(error.code, f"blob {index} of layer '{name}': {error}", error.help) from None
    return name, tuple(stored)


def _parts(data: FileBytes, field: Field, generation: _Generation) -> tuple[str, list[Field]]:
    name = ""
    blobs: list[Field] = []
    for part in fields(data, field.start, field.end):
        if part.type is not WireType.BYTES:
            continue
        if part.number == generation.name:
            name = _text(data, part)
        elif part.number == generation.blobs:
            blobs.append(part)
            if len(blobs) > _MAX_BLOBS:
                raise hostile("a layer has more blobs than any real one")
        elif part.number == generation.inner:
            inner_name, inner_blobs = _parts(data, part, _V0)
            name = inner_name or name
            blobs += inner_blobs
    return name, blobs


def _text(data: FileBytes, field: Field) -> str:
    if field.size > 65536:
        raise damaged("a layer's name is longer than any real one")
    try:
        return data.read(field.start, field.size).decode("utf-8")
    except UnicodeDecodeError:
        raise damaged("a layer's name is no text") from None


class _Segment(msgspec.Struct, frozen=True):
    """`count` elements, each `stride` bytes behind the one before."""

    start: int
    count: int
    stride: int


class _Blob(msgspec.Struct):
    """What a BlobProto says, while it is read."""

    legacy: dict[int, int] = msgspec.field(default_factory=dict)
    dims: list[int] | None = None
    single: list[_Segment] = msgspec.field(default_factory=list)
    double: list[_Segment] = msgspec.field(default_factory=list)
    raw_type: int = 1
    raw: Field | None = None


_LEGACY: Final = (1, 2, 3, 4)
"""num, channels, height, width"""
_DATA: Final = 5
_SHAPE: Final = 7
_DOUBLE_DATA: Final = 8
_RAW_TYPE: Final = 10
_RAW_DATA: Final = 12
_RAW_TYPES: Final = {0: "<f8", 1: "<f4", 2: "<f2"}
"""DOUBLE, FLOAT, FLOAT16 of NVIDIA's `raw_data_type`."""
_WORDS: Final = {"<f2": DType.FLOAT16, "<f4": DType.FLOAT32, "<f8": DType.FLOAT64}


def _blob(data: FileBytes, field: Field) -> LazyArray:
    blob = _read_blob(data, field)
    element, segments = _content(blob)
    count = sum(segment.count for segment in segments)
    shape = _shape(blob, count)
    return LazyArray(shape, _WORDS[element], lambda: _loaded(data, segments, element, shape))


def _read_blob(data: FileBytes, field: Field) -> _Blob:
    blob = _Blob()
    for part in _blob_fields(data, field, blob):
        if part.number in _LEGACY and part.type is WireType.VARINT:
            blob.legacy[part.number] = part.value
        elif part.number == _SHAPE and part.type is WireType.BYTES:
            blob.dims = (blob.dims or []) + _dims(data, part)
        elif part.number == _RAW_TYPE and part.type is WireType.VARINT:
            blob.raw_type = part.value
        elif part.number == _RAW_DATA and part.type is WireType.BYTES:
            blob.raw = part
    return blob


def _blob_fields(data: FileBytes, field: Field, blob: _Blob) -> Iterator[Field]:
    """The fields of a BlobProto without its numbers, which go into `blob`."""
    at = field.start
    while at < field.end:
        part = next(fields(data, at, field.end))
        at = part.end
        if part.number == _DATA:
            at = _elements(data, part, field.end, 4, WireType.FIXED32, blob.single)
        elif part.number == _DOUBLE_DATA:
            at = _elements(data, part, field.end, 8, WireType.FIXED64, blob.double)
        else:
            yield part


def _elements(
    data: FileBytes, part: Field, end: int, size: int, unpacked: WireType, into: list[_Segment]
) -> int:
    """Note where elements lie, packed or one field each; the answer is where they end."""
    if len(into) >= _MAX_SEGMENTS:
        raise hostile("the numbers are scattered over more places than any real file's")
    if part.type is WireType.BYTES:
        if part.size % size:
            raise damaged(f"the numbers take {part.size} bytes, which is no multiple of {size}")
        if part.size:
            into.append(_Segment(part.start, part.size // size, size))
        return part.end
    if part.type is not unpacked:
        raise damaged("the numbers are written as another type")
    count, stride = run(data, part, end), part.end - part.tag
    into.append(_Segment(part.start, count, stride))
    return part.tag + count * stride


def _dims(data: FileBytes, field: Field) -> list[int]:
    found: list[int] = []
    for part in fields(data, field.start, field.end):
        if part.number == 1:
            found += varints(data, part, _MAX_RANK)
        if len(found) > _MAX_RANK:
            raise damaged(f"it has more than {_MAX_RANK} axes")
    return found


def _content(blob: _Blob) -> tuple[str, list[_Segment]]:
    """The element type, and where the elements lie. Doubles go before floats, as in Caffe."""
    if blob.double:
        return "<f8", blob.double
    if blob.single or blob.raw is None:
        return "<f4", blob.single
    element = _RAW_TYPES.get(blob.raw_type)
    if element is None:
        raise unsupported("its numbers are quantized, which is not read here")
    size = int(element[-1])
    if blob.raw.size % size:
        raise damaged(f"its numbers take {blob.raw.size} bytes, which is no multiple of {size}")
    return element, [_Segment(blob.raw.start, blob.raw.size // size, size)]


def _shape(blob: _Blob, count: int) -> tuple[int, ...]:
    dims = blob.dims if blob.dims is not None else _legacy_dims(blob, count)
    if any(size < 0 or size > _MAX_ELEMENTS for size in dims):
        raise misshapen(f"its shape {dims} is impossible")
    if math.prod(dims) != count:
        raise misshapen(f"its shape {dims} has {math.prod(dims)} elements, but the file holds {count} for it")
    return tuple(dims)


def _legacy_dims(blob: _Blob, count: int) -> list[int]:
    if not blob.legacy and count:
        raise misshapen(f"it says no shape for its {count} numbers")
    return [_as_int32(blob.legacy.get(number, 0)) for number in _LEGACY]


def _as_int32(value: int) -> int:
    """Negative numbers are written as unsigned ones of 64 bits."""
    return value - (1 << 64) if value >> 63 else value


def _loaded(data: FileBytes, segments: list[_Segment], element: str, shape: tuple[int, ...]) -> Numbers:
    """The elements, decoded straight into their array."""
    import numpy as np

    array = np.empty(math.prod(shape), np.dtype(element))
    done = 0
    for segment in segments:
        target = array[done : done + segment.count]
        if segment.stride == array.itemsize:
            data.into(segment.start, target)
        else:
            _gather(data, segment, target)
        done += segment.count
    return array.astype(array.dtype.newbyteorder("="), copy=False).reshape(shape)


_STEP: Final = 1 << 16


def _gather(data: FileBytes, segment: _Segment, target: Numbers) -> None:
    """Elements that lie apart, a block of them at a time."""
    import numpy as np

    size = target.itemsize
    for first in range(0, segment.count, _STEP):
        count = min(_STEP, segment.count - first)
        raw = data.read(segment.start + first * segment.stride, (count - 1) * segment.stride + size)
        padded = np.frombuffer(raw + bytes(segment.stride - size), np.uint8).reshape(count, segment.stride)
        target[first : first + count] = np.ascontiguousarray(padded[:, :size]).reshape(-1).view(target.dtype)
