"""Pictures brought to another size in TensorFlow's ops, as tf.image.resize does, and Caffe's aligned interpolation."""

from __future__ import annotations

from typing import Final

import msgspec

from transpiler.dialects.tensorflow.write_math import FLOATS, as_float, clipped
from transpiler.dialects.tensorflow.write_shapes import axis_size, cut, dynamic_shape
from transpiler.dialects.tensorflow.write_steps import (
    Fixed,
    Input,
    Refused,
    Result,
    Steps,
    Tensor,
    ints,
    pairs,
    scalar,
)
from transpiler.dialects.tensorflow.write_template import Numbers
from transpiler.ir import Dim, DType
from transpiler.ops.preprocessing import CenterCrop, Resize
from transpiler.ops.resampling import Interp
from transpiler.ops.spatial import DataFormat

_PLAIN: Final = {
    "nearest": "ResizeNearestNeighbor",
    "bilinear": "ResizeBilinear",
    "bicubic": "ResizeBicubic",
    "area": "ResizeArea",
}
_KERNELS: Final = {
    "bilinear": "triangle",
    "bicubic": "keyscubic",
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}
"""What ScaleAndTranslate calls the interpolations that it can smooth."""
_RANGES: Final = {DType.UINT8: (0.0, 255.0), DType.INT8: (-128.0, 127.0), DType.INT16: (-32768.0, 32767.0)}


class _Picture(msgspec.Struct, frozen=True):
    """A batch of pictures, channels last, with its height and width."""

    tensor: Tensor
    height: int
    width: int


def resize(op: Resize, s: Steps) -> Result:
    """Between half-pixel centres; the aspect ratio is kept by cutting off or filling up first, if asked."""
    x = _last(op, s)
    picture = _Picture(x, *_sizes(op, s)) if _needs_sizes(op) else _Picture(x, 0, 0)
    if op.crop_to_aspect_ratio:
        picture = _cropped(op, s, picture)
    elif op.pad_to_aspect_ratio:
        picture = _filled(op, s, picture)
    return _back(op, s, _as_before(s, _resized(op, s, picture)))


def _needs_sizes(op: Resize) -> bool:
    """Whether the result depends on the sizes of the input in ways that are computed beforehand."""
    smooth = op.antialias and op.interpolation in _KERNELS
    return op.crop_to_aspect_ratio or op.pad_to_aspect_ratio or smooth or op.interpolation not in _PLAIN


def _last(op: Resize | CenterCrop, s: Steps) -> Tensor:
    """The pictures as a batch, channels last."""
    x = s.x
    rank = s.rank()
    if op.data_format is DataFormat.CHANNELS_FIRST:
        x = s.op("Transpose", x, ints("perm", (0, 2, 3, 1) if rank == 4 else (1, 2, 0)), name="channels_last")
    return x if rank == 4 else s.op("ExpandDims", x, scalar("dim", 0))


def _back(op: Resize | CenterCrop, s: Steps, y: Tensor) -> Tensor:
    """The opposite of `_last`."""
    if s.rank() == 3:
        y = s.op("Squeeze", y, squeeze_dims=(0,))
    if op.data_format is DataFormat.CHANNELS_FIRST:
        y = s.op("Transpose", y, ints("perm", (0, 3, 1, 2) if s.rank() == 4 else (2, 0, 1)))
    return y


def _sizes(op: Resize | CenterCrop, s: Steps) -> tuple[int, int]:
    """Height and width of the input. Raises Refused when one is open."""
    first = s.rank() - (3 if op.data_format is DataFormat.CHANNELS_LAST else 2)
    return s.size(first), s.size(first + 1)


def _resized(op: Resize, s: Steps, picture: _Picture) -> Tensor:
    size = ints("size", (op.height, op.width))
    if op.interpolation in _KERNELS and (op.antialias or op.interpolation not in _PLAIN):
        ratios = (op.height / picture.height, op.width / picture.width)
        return s.op(
            "ScaleAndTranslate",
            picture.tensor,
            size,
            Fixed("scale", Numbers(DType.FLOAT32, (2,), ratios)),
            Fixed("translation", Numbers(DType.FLOAT32, (2,), (0.0,))),
            kernel_type=_KERNELS[op.interpolation],
            antialias=op.antialias,
        )
    if op.interpolation not in _PLAIN:
        raise Refused(f"TensorFlow does not interpolate so ({op.interpolation})")
    if op.interpolation == "area":
        return s.op("ResizeArea", picture.tensor, size, align_corners=False)
    return s.op(_PLAIN[op.interpolation], picture.tensor, size, align_corners=False, half_pixel_centers=True)


def _as_before(s: Steps, y: Tensor) -> Tensor:
    """Whole numbers become whole again, as far as their type reaches. Raises Refused for types too large for reals."""
    wanted = s.x.dtype
    if y.dtype is wanted:
        return y
    if wanted in FLOATS:
        return s.op("Cast", y, DstT=wanted)
    if wanted not in _RANGES:
        raise Refused(f"elements of type {wanted.value} are not interpolated exactly")
    return s.op("Cast", clipped(s, s.op("Round", y), *_RANGES[wanted]), DstT=wanted)


def _cropped(op: Resize, s: Steps, picture: _Picture) -> _Picture:
    """The largest middle part of the wanted aspect ratio."""
    height = max(min(picture.height, picture.width * op.height // op.width), 1)
    width = max(min(picture.width, picture.height * op.width // op.height), 1)
    top, left = (picture.height - height) // 2, (picture.width - width) // 2
    begins, ends = (0, top, left, 0), (0, top + height, left + width, 0)
    made = cut(s, picture.tensor, begins, ends, (1, 1, 1, 1), (0b1001, 0b1001, 0))
    return _Picture(made, height, width)


def _filled(op: Resize, s: Steps, picture: _Picture) -> _Picture:
    """As much of the filling on either side as makes the wanted aspect ratio; half a pixel is left out."""
    tall = max(picture.height, picture.width * op.height // op.width)
    wide = max(picture.width, picture.height * op.width // op.height)
    rows, columns = (tall - picture.height) // 2, (wide - picture.width) // 2
    if not rows and not columns:
        return picture
    value = op.fill_value if picture.tensor.dtype in FLOATS else int(op.fill_value)
    paddings = pairs("paddings", [(0, 0), (rows, rows), (columns, columns), (0, 0)])
    fill = scalar("constant_values", value, picture.tensor.dtype)
    made = s.op("PadV2", picture.tensor, paddings, fill, name="Pad")
    return _Picture(made, picture.height + 2 * rows, picture.width + 2 * columns)


def center_crop(op: CenterCrop, s: Steps) -> Result:
    """The middle of larger pictures; smaller ones are enlarged, after cutting to the aspect ratio."""
    height, width = _sizes(op, s)
    if height < op.height or width < op.width:
        fitted = Resize(
            height=op.height, width=op.width, crop_to_aspect_ratio=True, data_format=op.data_format
        )
        return resize(fitted, s)
    rank = s.rank()
    first = rank - (3 if op.data_format is DataFormat.CHANNELS_LAST else 2)
    tops = ((height - op.height) // 2, (width - op.width) // 2)
    spared = ((1 << rank) - 1) & ~(1 << first) & ~(1 << first + 1)
    begins, ends = [0] * rank, [0] * rank
    begins[first : first + 2] = tops
    ends[first : first + 2] = (tops[0] + op.height, tops[1] + op.width)
    return cut(s, s.x, begins, ends, [1] * rank, (spared, spared, 0))


def interp(op: Interp, s: Steps) -> Result:
    """Between aligned corners, channels first; a second operand gives its height and width."""
    if s.rank() != 4:
        raise Refused("TensorFlow resizes batches of pictures")
    if any(pad > 0 for pad in op.pads):
        raise Refused("what Caffe adds around the picture is not defined")
    x = s.op("Transpose", as_float(s, s.x), ints("perm", (0, 2, 3, 1)), name="channels_last")
    if any(op.pads):
        before, after = (-pad for pad in op.pads)
        ends = (0, -after, -after, 0)
        spared = 0b1001 if after else 0b1111
        x = cut(s, x, (0, before, before, 0), ends, (1, 1, 1, 1), (0b1001, spared, 0))
    y = s.op("ResizeBilinear", x, _wanted(op, s), align_corners=True, half_pixel_centers=False)
    return s.op("Transpose", y, ints("perm", (0, 3, 1, 2)))


def _wanted(op: Interp, s: Steps) -> Input:
    """Height and width of the result; those of the second operand may be open."""
    sizes: list[Dim | Tensor] = list(s.result_shape()[2:])
    if len(s.operands) > 1:
        sizes = [axis_size(s, axis, 1) if n is None else n for axis, n in enumerate(sizes, 2)]
    if None in sizes:
        raise Refused("the size of its result is unknown", "give --input-shape")
    return dynamic_shape(s, sizes, "size")
