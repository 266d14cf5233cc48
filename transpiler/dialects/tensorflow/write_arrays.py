"""Arrays as numpy has them in TensorFlow's ops: gathering, stacking, repeating, turning round, enlarging."""

from __future__ import annotations

from transpiler.dialects.tensorflow.write_shapes import axis_size, dynamic_shape, view, whole_numbers
from transpiler.dialects.tensorflow.write_steps import (
    OPEN_SIZES,
    Input,
    Refused,
    Result,
    Steps,
    Tensor,
    ints,
    scalar,
)
from transpiler.ir import Dim
from transpiler.ops.array import BroadcastTo, Flip, Gather, Repeat, Roll, Stack, TileAxes, Unstack
from transpiler.ops.shape import RepeatVector, Reverse, SelectRows, Tile, Upsample
from transpiler.ops.spatial import DataFormat


def reverse(op: Reverse, s: Steps) -> Result:
    return s.op("ReverseV2", s.x, ints("axis", (op.axis % s.rank(),)))


def flip(op: Flip, s: Steps) -> Result:
    axes = range(s.rank()) if op.axes is None else [axis % s.rank() for axis in op.axes]
    return s.op("ReverseV2", s.x, ints("axis", tuple(axes)))


def roll(op: Roll, s: Steps) -> Result:
    if op.axes is None:
        raise Refused("it rolls the flattened tensor")
    return s.op("Roll", s.x, ints("shift", op.shifts), ints("axis", [axis % s.rank() for axis in op.axes]))


def tile(op: Tile, s: Steps) -> Result:
    counts = [1] * s.rank()
    counts[op.axis % s.rank()] = op.tiles
    return s.op("Tile", s.x, ints("multiples", counts))


def tile_axes(op: TileAxes, s: Steps) -> Result:
    rank = max(s.rank(), len(op.repeats))
    x: Input = s.x
    if rank > s.rank():
        raise Refused("it repeats along new axes")
    counts = [1] * (rank - len(op.repeats)) + list(op.repeats)
    return s.op("Tile", x, ints("multiples", counts))


def repeat_vector(op: RepeatVector, s: Steps) -> Result:
    wide = s.op("ExpandDims", s.x, scalar("dim", 1))
    return s.op("Tile", wide, ints("multiples", (1, op.count, 1)))


def repeat(op: Repeat, s: Steps) -> Result:
    """A new axis behind the repeated one, tiled, and joined with it."""
    if op.axis is None:
        raise Refused("it repeats the elements of the flattened tensor")
    rank = s.rank()
    axis = op.axis % rank
    sizes = [-1 if size is None else size for size in s.result_shape()]
    if sizes.count(-1) > 1:
        raise Refused("more than one size of its result is unknown", "give --input-shape")
    wide = s.op("ExpandDims", s.x, scalar("dim", axis + 1))
    counts = [1] * (rank + 1)
    counts[axis + 1] = op.count
    tiled = s.op("Tile", wide, ints("multiples", counts))
    return view(s, tiled, sizes)


def broadcast_to(op: BroadcastTo, s: Steps) -> Result:
    sizes = [1 if size is None else size for size in op.shape]  # an open size stays the operand's own
    if None in op.shape[1:]:
        raise Refused(*OPEN_SIZES)
    shape = ints("shape", sizes) if None not in op.shape else dynamic_shape(s, op.shape, "shape")
    return s.op("BroadcastTo", s.x, shape)


def stack(op: Stack, s: Steps) -> Result:
    return s.op("Pack", *s.operands, name="stack", axis=op.axis % (s.rank() + 1))


def unstack(op: Unstack, s: Steps) -> Result:
    return s.many("Unpack", s.x, count=op.count, name="unstack", num=op.count, axis=op.axis % s.rank())


def gather(op: Gather, s: Steps) -> Result:
    x: Input = s.x
    axis = op.axis
    if axis is None:
        x, axis = view(s, x, [-1]), 0
    else:
        axis %= s.rank()
    return s.op("GatherV2", x, whole_numbers(s, s.operand(1)), scalar("axis", axis))


def select_rows(op: SelectRows, s: Steps) -> Result:
    return s.op("GatherV2", s.x, whole_numbers(s, s.operand(1)), scalar("axis", 0))


def upsample(op: Upsample, s: Steps) -> Result:
    """Repetition, or interpolation between half-pixel centres, of pictures with channels last."""
    if op.interpolation == "nearest":
        return _repeated(op, s)
    kinds = {"bilinear": "ResizeBilinear", "bicubic": "ResizeBicubic"}
    if op.interpolation not in kinds or len(op.factors) != 2 or op.data_format is DataFormat.CHANNELS_FIRST:
        raise Refused(f"TensorFlow has no op that interpolates so ({op.interpolation})")
    return s.op(kinds[op.interpolation], s.x, _resized(op, s), align_corners=False, half_pixel_centers=True)


def _resized(op: Upsample, s: Steps) -> Input:
    sizes: list[Dim | Tensor] = []
    for i, factor in enumerate(op.factors):
        size = s.shape()[i + 1]
        sizes.append(
            size * factor if size is not None else s.op("Mul", axis_size(s, i + 1), scalar("y", factor))
        )
    return dynamic_shape(s, sizes, "size")


def _repeated(op: Upsample, s: Steps) -> Tensor:
    last = op.data_format is DataFormat.CHANNELS_LAST
    if len(op.factors) == 2 and last:
        return s.op(
            "ResizeNearestNeighbor", s.x, _resized(op, s), align_corners=False, half_pixel_centers=True
        )
    rank, first = s.rank(), 1 if last else 2
    y = s.x
    shape = list(s.shape())
    for i, factor in enumerate(op.factors):
        if factor == 1:
            continue
        axis = first + i
        size = shape[axis]
        shape[axis] = None if size is None else size * factor
        wide = s.op("ExpandDims", y, scalar("dim", axis + 1))
        counts = [1] * (rank + 1)
        counts[axis + 1] = factor
        tiled = s.op("Tile", wide, ints("multiples", counts))
        sizes = [-1 if n is None else n for n in shape]
        if sizes.count(-1) > 1:
            raise Refused(*OPEN_SIZES)
        y = view(s, tiled, sizes)
    return s.op("Identity", y) if y is s.x else y
