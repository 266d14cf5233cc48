"""Ops that move elements without changing them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ShapeError, op
from transpiler.ir.types import Dim, Shape, TensorType, agree, merge, product
from transpiler.ops import fields as f
from transpiler.ops.spatial import DataFormat, FeatureMap, axis_of, data_format, feature_map


@op("flatten", "Utility")
class Flatten(Op):
    """Axes `axis` to `end_axis` (inclusive) become one, in row-major order."""

    axis: int = f.integer("the first flattened axis", 1)
    end_axis: int = f.integer("the last flattened axis", -1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        if len(shape) == self.axis == 1:  # a batch of scalars: Keras appends an axis
            return (operands[0].with_shape((*shape, 1)),)
        start, end = axis_of(self.axis, len(shape)), axis_of(self.end_axis, len(shape))
        if start > end:
            raise ShapeError(f"cannot flatten from axis {start} to axis {end}")
        return (operands[0].with_shape((*shape[:start], product(shape[start : end + 1]), *shape[end + 1 :])),)


@op("reshape", "Utility")
class Reshape(Op):
    """The same elements in another shape.

    `num_axes` axes from `axis` on are replaced by `target`, in which 0 keeps the input's size at that place and one
    -1 stands for whatever remains (Caffe's rules; Keras: axis 1, no zeros).
    """

    target: tuple[int, ...] = f.integers("the new sizes; 0 copies, -1 infers", least=-1)
    axis: int = f.integer("the first replaced axis", 0)
    num_axes: int = f.integer("how many axes are replaced; -1: all from axis on", -1, least=-1)

    def __post_init__(self) -> None:
        if self.target.count(-1) > 1:
            raise ValueError("at most one size may be inferred (-1)")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        start = axis_of(self.axis, len(shape), extra=1)
        stop = len(shape) if self.num_axes == -1 else start + self.num_axes
        if stop > len(shape):
            raise ShapeError(f"axes {start} to {stop - 1} do not exist in a tensor of {len(shape)} axes")
        before, replaced, after = shape[:start], shape[start:stop], shape[stop:]
        return (operands[0].with_shape((*before, *self._resolve(shape, start, replaced), *after)),)

    def _resolve(self, shape: Shape, start: int, replaced: Shape) -> Shape:
        sizes: list[Dim] = []
        for i, size in enumerate(self.target):
            if size == 0 and start + i >= len(shape):
                raise ShapeError(f"size {i} is copied from an axis that the input does not have")
            sizes.append(shape[start + i] if size == 0 else size)
        total, known = product(replaced), product(n for n in sizes if n != -1)
        if -1 in sizes:
            sizes[sizes.index(-1)] = self._infer(replaced, sizes)
        elif total is not None and known is not None and total != known:
            raise ShapeError(f"{total} elements cannot be viewed as {list(sizes)} ({known} elements)")
        return tuple(sizes)

    def _infer(self, replaced: Shape, sizes: list[Dim]) -> Dim:
        copied = [n for n, size in zip(sizes, self.target, strict=True) if size == 0]
        total, known = list(replaced), [n for n in sizes if n != -1]
        for dim in copied:  # an unknown size that is copied cancels out
            if dim is None and None in total:
                total.remove(None)
                known.remove(None)
        whole, part = product(total), product(known)
        if whole is None or part is None:
            return None
        if part == 0:
            raise ShapeError("a size cannot be inferred next to a size of 0")
        if whole % part:
            raise ShapeError(f"{whole} elements do not divide by {part}")
        return whole // part


@op("transpose", "Utility")
class Transpose(Op):
    """Result axis i is operand axis `axes[i]`."""

    axes: tuple[int, ...] = f.integers("the operand's axes in their new order", least=0)

    def __post_init__(self) -> None:
        if sorted(self.axes) != list(range(len(self.axes))):
            raise ValueError(f"{list(self.axes)} does not name each axis once")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        if len(shape) != len(self.axes):
            raise ShapeError(f"an order of {len(self.axes)} axes does not fit a tensor of {len(shape)}")
        return (operands[0].with_shape(tuple(shape[axis] for axis in self.axes)),)


@op("concat", "Utility")
class Concat(Op):
    """The operands one after another along an axis."""

    arity = Arity(1, None)
    axis: int = f.integer("the axis", 1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shapes = [operand.shape for operand in operands]
        known = [shape for shape in shapes if shape is not None]
        if len(known) < len(shapes):
            return (operands[0].with_shape(None),)
        first = known[0]
        axis = axis_of(self.axis, len(first))
        merged = list(first)
        for shape in known[1:]:
            if len(shape) != len(first):
                raise ShapeError(f"tensors of {len(first)} and {len(shape)} axes cannot be joined")
            for i, (mine, theirs) in enumerate(zip(merged, shape, strict=True)):
                if i != axis and not agree(mine, theirs):
                    raise ShapeError(f"sizes {mine} and {theirs} of axis {i} differ; only axis {axis} may")
                merged[i] = merge(mine, theirs)
        sizes = [shape[axis] for shape in known]
        merged[axis] = None if None in sizes else sum(size for size in sizes if size is not None)
        return (operands[0].with_shape(merged),)


@op("split", "Utility")
class Split(Op):
    """Consecutive parts of an axis: `count` parts of the given `sizes`, or of equal size if none are given."""

    axis: int = f.integer("the axis", 1)
    count: int = f.integer("number of parts", least=1)
    points: tuple[int, ...] = f.integers("where to cut; none means equal parts", (), least=0)

    def __post_init__(self) -> None:
        if self.points and len(self.points) != self.count - 1:
            raise ValueError(f"{len(self.points)} cuts make {len(self.points) + 1} parts, not {self.count}")

    @property
    def result_count(self) -> int:
        return self.count

    def sizes(self, total: Dim) -> tuple[Dim, ...]:
        """Sizes of the parts of an axis of `total` elements. Raises ShapeError when it cannot be cut so."""
        if not self.points:
            if total is None:
                return (None,) * self.count
            if total % self.count:
                raise ShapeError(f"{total} elements do not divide into {self.count} equal parts")
            return (total // self.count,) * self.count
        ends: list[Dim] = [*self.points, total]
        sizes = [None if b is None else b - a for a, b in zip((0, *self.points), ends, strict=True)]
        if any(size is not None and size <= 0 for size in sizes):
            raise ShapeError(f"cuts at {list(self.points)} do not fit {total} elements")
        return tuple(sizes)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],) * self.count
        axis = axis_of(self.axis, len(shape))
        return tuple(
            operands[0].with_shape((*shape[:axis], size, *shape[axis + 1 :]))
            for size in self.sizes(shape[axis])
        )


@op("copies", "Utility")
class Copies(Op):
    """The same tensor under several names (Caffe's Split)."""

    count: int = f.integer("number of names", least=1)

    @property
    def result_count(self) -> int:
        return self.count

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (operands[0],) * self.count


@op("crop_like", "Vision")
class CropLike(Op):
    """x cut to the second operand's sizes on every axis from `axis` on, starting at `offsets` (one, or one an axis)."""

    arity = Arity(2, 2)
    operand_names = ("x", "reference")
    axis: int = f.integer("the first cropped axis", 2)
    offsets: tuple[int, ...] = f.integers("first kept element; one number serves all axes", (), least=0)

    def offset(self, position: int) -> int:
        """The offset of the `position`-th cropped axis."""
        if len(self.offsets) == 1:
            return self.offsets[0]
        return self.offsets[position] if self.offsets else 0

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape, reference = operands[0].shape, operands[1].shape
        if shape is None or reference is None:
            return (operands[0],)
        start = axis_of(self.axis, len(shape))
        if len(reference) != len(shape):
            raise ShapeError(f"a reference of {len(reference)} axes does not fit a tensor of {len(shape)}")
        if len(self.offsets) > 1 and len(self.offsets) != len(shape) - start:
            raise ShapeError(f"{len(self.offsets)} offsets for {len(shape) - start} cropped axes")
        for i, (size, kept) in enumerate(zip(shape[start:], reference[start:], strict=True)):
            if size is not None and kept is not None and self.offset(i) + kept > size:
                raise ShapeError(
                    f"{kept} elements from {self.offset(i)} on do not fit axis {start + i} of {size}"
                )
        return (operands[0].with_shape((*shape[:start], *reference[start:])),)


@op("crop", "Vision")
class Crop(Op):
    """Each spatial axis without its first `before` and last `after` elements."""

    crops: tuple[tuple[int, int], ...] = f.pairs("what is removed before and after, one pair a spatial axis")
    data_format: DataFormat = data_format()

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (resized(operands[0], self.crops, -1, self.data_format),)


@op("pad", "Vision")
class Pad(Op):
    """Each spatial axis extended by a constant before and after."""

    pads: tuple[tuple[int, int], ...] = f.pairs("what is added before and after, one pair a spatial axis")
    value: float = f.number("the constant", 0.0)
    data_format: DataFormat = data_format()

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (resized(operands[0], self.pads, 1, self.data_format),)


def resized(
    type_: TensorType, pairs: tuple[tuple[int, int], ...], sign: int, format: DataFormat
) -> TensorType:
    """A feature map with each spatial axis grown (or, sign -1, shrunk). Raises ShapeError when nothing is left."""
    if type_.shape is None:
        return type_
    maps = feature_map(type_.shape, format, len(pairs))
    sizes = tuple(
        None if n is None else n + sign * sum(pair) for n, pair in zip(maps.spatial, pairs, strict=True)
    )
    if any(size is not None and size < 1 for size in sizes):
        raise ShapeError(f"cropping {list(map(list, pairs))} leaves nothing of {list(maps.spatial)}")
    return type_.with_shape(FeatureMap(maps.batch, maps.channels, sizes, format).shape())


@op("slice", "Utility")
class Slice(Op):
    """Elements begin, begin + step, … before end of each listed axis; an end of none means to the last."""

    axes: tuple[int, ...] = f.integers("the cut axes")
    begins: tuple[int, ...] = f.integers("first element of each; negative counts from the end")
    ends: tuple[int | None, ...] = f.anything(
        "first element no longer taken; none: all the rest",
        lambda v: tuple(None if item is None else f.to_int(item) for item in v),
        "list of integers or none",
    )
    steps: tuple[int, ...] = f.integers("distance of the taken elements", ())
    squeeze: tuple[int, ...] = f.integers("those of the axes that are dropped (one element is taken)", ())

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        sizes = list(shape)
        steps = self.steps or (1,) * len(self.axes)
        for axis, begin, end, step in zip(self.axes, self.begins, self.ends, steps, strict=True):
            where = axis_of(axis, len(shape))
            sizes[where] = self._length(shape[where], begin, end, step)
        dropped = {axis_of(axis, len(shape)) for axis in self.squeeze}
        return (operands[0].with_shape(size for i, size in enumerate(sizes) if i not in dropped),)

    @staticmethod
    def _length(size: Dim, begin: int, end: int | None, step: int) -> Dim:
        if size is None:
            known = end is not None and step > 0 and (begin < 0) == (end < 0) and end >= begin
            return math.ceil((end - begin) / step) if known and end is not None and begin < 0 else None
        return len(range(*slice(begin, end, step).indices(size)))


@op("upsample", "Vision")
class Upsample(Op):
    """Each spatial axis `factors` times as long, by repetition, or by interpolation between half-pixel centres."""

    factors: tuple[int, ...] = f.integers("factor of each spatial axis", least=1)
    interpolation: str = f.text("nearest, bilinear, bicubic, lanczos3 or lanczos5", "nearest")
    data_format: DataFormat = data_format()

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if operands[0].shape is None:
            return (operands[0],)
        maps = feature_map(operands[0].shape, self.data_format, len(self.factors))
        sizes = tuple(None if n is None else n * by for n, by in zip(maps.spatial, self.factors, strict=True))
        return (
            operands[0].with_shape(FeatureMap(maps.batch, maps.channels, sizes, self.data_format).shape()),
        )


@op("tile", "Utility")
class Tile(Op):
    """The operand repeated along an axis."""

    axis: int = f.integer("the axis", 1)
    tiles: int = f.integer("how many times", least=1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        axis = axis_of(self.axis, len(shape))
        size = shape[axis]
        return (
            operands[0].with_shape(
                (*shape[:axis], None if size is None else size * self.tiles, *shape[axis + 1 :])
            ),
        )


@op("repeat_vector", "Utility")
class RepeatVector(Op):
    """A batch of vectors repeated `count` times along a new axis 1."""

    count: int = f.integer("how many times", least=1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        if len(shape) != 2:
            raise ShapeError(f"only a batch of vectors can be repeated, got {len(shape)} axes")
        return (operands[0].with_shape((shape[0], self.count, shape[1])),)


@op("expand_dims", "Utility")
class ExpandDims(Op):
    """A new axis of size 1."""

    axis: int = f.integer("where it stands in the result")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        axis = axis_of(self.axis, len(shape), extra=1)
        return (operands[0].with_shape((*shape[:axis], 1, *shape[axis:])),)


@op("squeeze", "Utility")
class Squeeze(Op):
    """The operand without the listed axes of size 1."""

    axes: tuple[int, ...] = f.integers("the dropped axes")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        dropped = {axis_of(axis, len(shape)) for axis in self.axes}
        if any(shape[axis] not in (1, None) for axis in dropped):
            raise ShapeError(f"only axes of size 1 can be dropped, not {sorted(dropped)} of {list(shape)}")
        return (operands[0].with_shape(size for i, size in enumerate(shape) if i not in dropped),)


@op("reverse", "Utility")
class Reverse(Op):
    """The operand in reverse order along an axis."""

    axis: int = f.integer("the axis", 0)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if operands[0].shape is not None:
            axis_of(self.axis, len(operands[0].shape))
        return (operands[0],)


@op("shuffle_channels", "Utility")
class ShuffleChannels(Op):
    """Axis `axis` read as groups x rest, transposed, flattened again (ShuffleNet)."""

    groups: int = f.integer("number of groups", 1, least=1)
    axis: int = f.integer("the channel axis", 1)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is not None:
            size = shape[axis_of(self.axis, len(shape))]
            if size is not None and size % self.groups:
                raise ShapeError(f"{size} channels do not divide into {self.groups} groups")
        return (operands[0],)


@op("select_rows", "Utility")
class SelectRows(Op):
    """Rows of x in the order of the second operand's numbers (Caffe's BatchReindex)."""

    arity = Arity(2, 2)
    operand_names = ("x", "indices")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape, indices = operands[0].shape, operands[1].shape
        if shape is None or indices is None:
            return (operands[0].with_shape(None),)
        if len(indices) != 1:
            raise ShapeError(f"indices need one axis, got {len(indices)}")
        return (operands[0].with_shape((indices[0], *shape[1:])),)


@op("filter_rows", "Utility")
class FilterRows(Op):
    """Of all operands but the last, the rows for which the last operand (the selector) is not 0."""

    arity = Arity(2, None)

    count: int = f.integer("number of filtered tensors", 1, least=1)

    @property
    def result_count(self) -> int:
        return self.count

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        if len(operands) != self.count + 1:
            raise ShapeError(
                f"{self.count} filtered tensors and one selector are needed, got {len(operands)} operands"
            )
        return tuple(
            operand if operand.shape is None else operand.with_shape((None, *operand.shape[1:]))
            for operand in operands[: self.count]
        )


@op("silence", "Utility")
class Silence(Op):
    """Reads its operands and gives nothing."""

    arity = Arity(1, None)

    @property
    def result_count(self) -> int:
        return 0

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return ()
