"""Rows of Caffe's inputs, data layers, learned blobs and stores.

A data layer's fields (source, batch size, transformation) are kept as written; what the op says, the shapes of the
tops, is derived from them. So each has two rows: one reads, the other writes the fields back after checking that they
still agree with the shapes. Facts: data_layer.cpp, image_data_layer.cpp, memory_data_layer.cpp, dummy_data_layer.cpp
and window_data_layer.cpp of BVLC Caffe 1.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from transpiler.dialects.caffe.fields import NotModelled, blob_shape, dims, from_caffe, listed
from transpiler.dialects.caffe.parameters import OWN_PARAMETERS
from transpiler.dialects.rows import FieldError, Link, Native, Refusal, Row
from transpiler.ir import Node, TensorType
from transpiler.ir.attributes import Attr
from transpiler.ir.types import Dim, Shape, refines
from transpiler.ops.core import Data, Input, Parameter
from transpiler.ops.storage import Store

Shapes = tuple[Shape | None, ...]


def _size(config: Mapping[str, Attr], name: str) -> Dim:
    """A positive size, None where it is absent or 0."""
    value = config.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _transform(config: Mapping[str, Attr]) -> Mapping[str, Attr]:
    found = config.get("transform_param", {})
    return found if isinstance(found, Mapping) else {}


def _examples(native: Native, channels: Dim, height: Dim, width: Dim) -> Shapes:
    """A batch of images, one label each, and nothing known of further tops."""
    batch = _size(native.config, "batch_size")
    shapes: Shapes = ((batch, channels, height, width), (batch,))
    return (shapes + (None,) * native.results)[: native.results]


def _cropped(native: Native) -> Dim:
    transform = _transform(native.config)
    return _size(transform, "crop_size") or _size(native.config, "crop_size")


def _database(native: Native) -> Shapes:
    """What lies in the database is unknown, but a crop fixes height and width."""
    transform = _transform(native.config)
    channels = (
        3 if transform.get("force_color") is True else 1 if transform.get("force_gray") is True else None
    )
    crop = _cropped(native)
    return _examples(native, channels, crop, crop)


def _images(native: Native) -> Shapes:
    config = native.config
    batch = {"batch_size": config.get("batch_size", 1)}
    crop = _cropped(native)
    channels = 1 if config.get("is_color") is False else 3
    height, width = crop or _size(config, "new_height"), crop or _size(config, "new_width")
    return _examples(Native(native.type, batch, 0, native.results), channels, height, width)


def _dense_images(native: Native) -> Shapes:
    """Images with a label for each pixel (a fork's layer)."""
    config = native.config
    height = _size(config, "crop_height") or _cropped(native) or _size(config, "new_height")
    width = _size(config, "crop_width") or _cropped(native) or _size(config, "new_width")
    batch = _size(config, "batch_size") or 1
    channels = 1 if config.get("is_color") is False else 3
    shapes: Shapes = ((batch, channels, height, width), (batch, 1, height, width))
    return (shapes + (None,) * native.results)[: native.results]


def _windows(native: Native) -> Shapes:
    crop = _cropped(native)
    return _examples(native, None, crop, crop)


def _memory(native: Native) -> Shapes:
    config = native.config
    return _examples(native, _size(config, "channels"), _size(config, "height"), _size(config, "width"))


def _dummy(native: Native) -> Shapes:
    """One shape for each top, or one for all; in files before BlobShape as four numbers each."""
    config = native.config
    written: list[Shape] = [tuple(dims(item)) for item in listed(config.get("shape", []))]
    if not written:
        columns = [listed(config.get(name, [])) for name in ("num", "channels", "height", "width")]
        if len({len(column) for column in columns}) != 1:
            raise FieldError("num", "num, channels, height and width must be written equally often")
        written = [tuple(sizes) for sizes in zip(*columns, strict=True)]
    if len(written) not in (1, native.results):
        raise FieldError(
            "shape", f"{len(written)} shapes do not fit {native.results} tops: give one, or one for each"
        )
    return tuple(written if len(written) == native.results else written * native.results)


def _annotated(native: Native) -> Shapes:
    """SSD: images of the size that the resizing gives, and boxes [1, 1, count, 8]."""
    config = native.config
    source = config.get("data_param", {})
    batch = _size(source, "batch_size") if isinstance(source, Mapping) else None
    resize = _transform(config).get("resize_param", {})
    resize = resize if isinstance(resize, Mapping) else {}
    height, width = _size(resize, "height"), _size(resize, "width")
    shapes: Shapes = ((batch, None, height, width), (1, 1, None, 8))
    return (shapes + (None,) * native.results)[: native.results]


def _unknown(native: Native) -> Shapes:
    return (None,) * native.results


def _python(native: Native) -> Shapes:
    if native.operands:
        raise NotModelled("", "what a Python layer computes is not known: its code is never run")
    return _unknown(native)


DATA_SHAPES: dict[str, Callable[[Native], Shapes]] = {
    "Data": _database,
    "ImageData": _images,
    "HDF5Data": _unknown,
    "MemoryData": _memory,
    "DummyData": _dummy,
    "WindowData": _windows,
    "Python": _python,
    "AnnotatedData": _annotated,
    "DenseImageData": _dense_images,
    "ImageSegData": _dense_images,
    "MultiLabelData": _unknown,
    "RandVec": _unknown,
    "VideoData": _unknown,
}
"""Data layer type -> the shapes of its tops, as far as the file tells. The last ones are layers of forks."""


def written_config(node: Node) -> dict[str, Attr]:
    """The fields of a node's layer that its extras keep, laid out as rows see them."""
    extras = node.native("caffe")
    own = OWN_PARAMETERS.get(node.origin.type, "")
    fields = extras.get(own, {})
    nested = {name: value for name, value in extras.items() if name.endswith("_param") and name != own}
    return {**(fields if isinstance(fields, Mapping) else {}), **nested}


def _get_data(native: Native) -> dict[str, Any]:
    return {"shapes": DATA_SHAPES[native.type](native)}


def _guard_data(native: str) -> Callable[[Node], Refusal | None]:
    """A data layer is written back as it was, unless the shapes were changed since."""

    def guard(node: Node) -> Refusal | None:
        op = node.op
        assert isinstance(op, Data)
        if not (from_caffe(node) and node.origin.type == native):
            return Refusal("Caffe has no layer that reads this data", "an Input layer takes its place")
        said = DATA_SHAPES[native](Native(native, written_config(node), 0, len(op.shapes)))
        for file, now in zip(said, op.shapes, strict=True):
            if not refines(TensorType(now), TensorType(file)):
                return Refusal(f"the {native} layer's fields give {_text(file)}, not {_text(now)}")
        return None

    return guard


def _text(shape: Shape | None) -> str:
    return "any shape" if shape is None else str(["?" if size is None else size for size in shape])


def _data_rows(native: str) -> tuple[Row, Row]:
    reading = Row(native, Data, get=_get_data, read_only=True)
    writing = Row(native, Data, guard=_guard_data(native), write_only=True)
    return reading, writing


def _get_input(native: Native) -> dict[str, Any]:
    written = listed(native.config.get("shape", []))
    return {"shape": dims(written[0]) if written else None}


def _put_input(node: Node) -> dict[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, Input)
    if op.shape is None:
        return {}
    if None in op.shape:
        return Refusal(
            f"a Caffe input has a number in every dimension, not {_text(op.shape)}",
            "give the input shape, or the batch size",
        )
    return {"shape": [blob_shape(op.shape)]}


def _static(node: Node) -> Refusal | None:
    op = node.op
    assert isinstance(op, Parameter)
    return Refusal("a learned blob has a number in every dimension") if None in op.shape else None


ROWS = (
    Row("Input", Input, reads=("shape",), get=_get_input, put=_put_input),
    Row("Parameter", Parameter, (Link("shape", "shape", {}, read=dims, write=blob_shape),), guard=_static),
    Row("HDF5Output", Store, (Link("file", "file_name", ""),)),
    *(row for native in DATA_SHAPES for row in _data_rows(native)),
)
"""Rows of forks' data layers are guarded like all others: they are written only where they were read."""
