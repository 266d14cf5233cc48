"""Sums of products with learned matrices, read off a graph: what a gate of a recurrent cell adds up.

However a graph writes them (one product with joined operands, one for each gate, matrices cut into parts, biases in
between), two gates are the same if their forms are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from transpiler.ir import Node, Value
from transpiler.ops.activation import Affine
from transpiler.ops.array import FillLike, Unstack
from transpiler.ops.core import Parameter
from transpiler.ops.dense import Dense, MatMul
from transpiler.ops.elementwise import Add, Multiply
from transpiler.ops.normalization import Bias
from transpiler.ops.regularization import Dropout
from transpiler.ops.shape import Concat, Slice, Split, Transpose

Producer = Callable[[Value], Node | None]
Range = tuple[int, int]
_MAX_DEPTH = 64
_MAX_CUTS = 16
_MAX_TERMS = 24


class Piece(msgspec.Struct, frozen=True):
    """Part of a learned array: along each of the array's own axes a range, and which axes are left, in which order."""

    symbol: str
    shape: tuple[int, ...]
    ranges: tuple[Range, ...]
    axes: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of the part."""
        return tuple(self.ranges[axis][1] - self.ranges[axis][0] for axis in self.axes)

    @property
    def is_whole(self) -> bool:
        """Whether it is the array as it is stored."""
        return self.sizes == self.shape and self.axes == tuple(range(len(self.shape)))

    def cut(self, axis: int, start: int, stop: int) -> Piece:
        """The part of it within a range of one of its axes. Raises ValueError if there is none."""
        if axis >= len(self.axes):
            raise ValueError("an axis that the array does not have")
        own = self.axes[axis]
        first, last = self.ranges[own]
        if not 0 <= start < stop <= last - first:
            raise ValueError("a range outside of the array")
        ranges = (*self.ranges[:own], (first + start, first + stop), *self.ranges[own + 1 :])
        return msgspec.structs.replace(self, ranges=ranges)

    def at(self, axis: int, index: int) -> Piece:
        """One slice of an axis, without that axis."""
        made = self.cut(axis, index, index + 1)
        return msgspec.structs.replace(made, axes=(*made.axes[:axis], *made.axes[axis + 1 :]))


class Product(msgspec.Struct, frozen=True):
    """x times a learned matrix [inputs, outputs]; a share of x's elements is dropped while training."""

    x: Value
    kernel: Piece
    dropout: float = 0.0


class Part(msgspec.Struct, frozen=True):
    """Elements of x's last axis as they are."""

    x: Value
    start: int
    stop: int | None


class Form(msgspec.Struct, frozen=True):
    """A sum of products, of parts of other tensors, of learned vectors, and of a number."""

    products: tuple[Product, ...] = ()
    parts: tuple[Part, ...] = ()
    biases: tuple[Piece, ...] = ()
    shift: float = 0.0

    def plus(self, other: Form) -> Form:
        """The sum. Raises ValueError when it has more terms than any gate."""
        made = Form(
            self.products + other.products,
            self.parts + other.parts,
            self.biases + other.biases,
            self.shift + other.shift,
        )
        if len(made.products) + len(made.parts) + len(made.biases) > _MAX_TERMS:
            raise ValueError("too many terms")
        return made

    def cut(self, start: int, stop: int) -> Form:
        """The form of some columns. Raises ValueError if it has not so many."""
        return Form(
            tuple(
                msgspec.structs.replace(one, kernel=one.kernel.cut(1, start, stop)) for one in self.products
            ),
            tuple(Part(one.x, one.start + start, one.start + stop) for one in self.parts),
            tuple(one.cut(0, start, stop) for one in self.biases),
            self.shift,
        )

    @property
    def width(self) -> int | None:
        """How many columns it has, as far as its matrices and vectors tell."""
        widths = {one.kernel.sizes[1] for one in self.products}
        widths |= {size for one in self.biases for size in one.sizes[:1]}
        widths |= {one.stop - one.start for one in self.parts if one.stop is not None}
        return widths.pop() if len(widths) == 1 else None


class Linear:
    """Reads forms off a graph; what is no sum of products is a part of itself."""

    def __init__(self, producer: Producer) -> None:
        self.producer = producer
        self._known: dict[Value, Form] = {}

    def form(self, value: Value, depth: int = 0) -> Form:
        """The form of a value."""
        if value not in self._known:
            made: Form | None = None
            if depth < _MAX_DEPTH:
                try:
                    made = self._read(value, depth + 1)
                except (ValueError, IndexError):
                    made = None
            self._known[value] = _as_it_is(value) if made is None else made
        return self._known[value]

    def piece(self, value: Value) -> Piece | None:
        """The part of a learned array that a value is; None if it is none."""
        return self._piece(value, _MAX_CUTS)

    def _piece(self, value: Value, most: int) -> Piece | None:
        node = self.producer(value)
        if node is None or not most:
            return None
        if isinstance(node.op, Parameter):
            shape = node.op.shape
            known = tuple(size for size in shape if size is not None)
            use = node.param("value")
            if len(known) < len(shape) or use.relayouts or use.constant is not None:
                return None
            return Piece(use.symbol, known, tuple((0, size) for size in known), tuple(range(len(known))))
        cuts = isinstance(node.op, (Split, Unstack, Transpose, Slice)) and len(node.operands) == 1
        inner = self._piece(node.operands[0], most - 1) if cuts else None
        if inner is None:
            return None
        try:
            return _cut_like(node, node.results.index(value), inner)
        except (ValueError, IndexError):
            return None

    def _read(self, value: Value, depth: int) -> Form | None:
        node = self.producer(value)
        if node is None:
            return None
        match node.op:
            case Dense(bias=bias):
                return self._dense(node, bias)
            case MatMul(transpose_a=False, transpose_b=turned) if len(node.operands) == 2:
                return self._product(node, turned)
            case Add(coefficients=()):
                return self._sum(node.operands, depth)
            case Bias(learned=False):
                vector = self.piece(node.operands[1])
                form = self.form(node.operands[0], depth)
                return None if vector is None else form.plus(Form(biases=(vector,)))
            case Bias(learned=True):
                return self._own_bias(node, depth)
            case Affine(scale=1.0, shift=shift):
                return self.form(node.operands[0], depth).plus(Form(shift=shift))
            case Split() | Slice():
                return self._columns(node, value, depth)
            case _:
                return None

    def _dense(self, node: Node, bias: bool) -> Form | None:
        x = node.operands[0]
        shape = x.type.shape
        uses = [node.param(role) for role in node.op.roles]
        if any(use.relayouts or use.constant is not None for use in uses):
            return None
        if shape is None or shape[-1] is None or node.op.axis not in (-1, len(shape) - 1):  # type: ignore[attr-defined]  # a Dense
            return None
        units: int = node.op.units  # type: ignore[attr-defined]  # a Dense
        turned = bool(node.native("tensorflow").get("kernel_transposed"))
        sizes = (units, shape[-1]) if turned else (shape[-1], units)
        kernel = Piece(uses[0].symbol, sizes, ((0, sizes[0]), (0, sizes[1])), (1, 0) if turned else (0, 1))
        form = self._multiplied(x, kernel)
        if form is None or not bias:
            return form
        return form.plus(Form(biases=(Piece(uses[1].symbol, (units,), ((0, units),), (0,)),)))

    def _own_bias(self, node: Node, depth: int) -> Form | None:
        use, width = node.param("beta"), node.result.type.shape
        if use.relayouts or use.constant is not None or not width or width[-1] is None:
            return None
        if node.op.axis % len(width) != len(width) - 1:  # type: ignore[attr-defined]  # a Bias
            return None
        vector = Piece(use.symbol, (width[-1],), ((0, width[-1]),), (0,))
        return self.form(node.operands[0], depth).plus(Form(biases=(vector,)))

    def _product(self, node: Node, turned: bool) -> Form | None:
        kernel = self.piece(node.operands[1])
        if kernel is None or len(kernel.axes) != 2:
            return None
        if turned:
            kernel = msgspec.structs.replace(kernel, axes=kernel.axes[::-1])
        return self._multiplied(node.operands[0], kernel)

    def _multiplied(self, x: Value, kernel: Piece) -> Form | None:
        """A product; that of joined vectors is the sum of each one's product with its own rows."""
        node = self.producer(x)
        rank = x.type.rank or 2
        if node is None or rank != 2 or not isinstance(node.op, Concat) or node.op.axis not in (-1, 1):
            return Form(products=(self._dropped(x, kernel),))
        widths = [value.type.shape[-1] if value.type.shape else None for value in node.operands]
        known = sum(width for width in widths if width is not None)
        if widths.count(None) == 1:
            widths = [kernel.sizes[0] - known if width is None else width for width in widths]
        ends = [width for width in widths if width is not None]
        if len(ends) < len(widths) or sum(ends) != kernel.sizes[0]:
            return None
        products, start = [], 0
        for value, width in zip(node.operands, ends, strict=True):
            products.append(self._dropped(value, kernel.cut(0, start, start + width)))
            start += width
        return Form(products=tuple(products))

    def _dropped(self, x: Value, kernel: Piece) -> Product:
        """The product of what is behind x * dropout(ones), as the cells of Keras write their dropout."""
        node = self.producer(x)
        if node is not None and isinstance(node.op, Multiply) and len(node.operands) == 2:
            for value, mask in (node.operands, node.operands[::-1]):
                drop = self.producer(mask)
                ones = self.producer(drop.operands[0]) if drop is not None and drop.operands else None
                if drop is None or ones is None or not isinstance(drop.op, Dropout) or drop.op.noise_shape:
                    continue
                if ones.op == FillLike(value=1.0) and ones.operands[0] is value:
                    return Product(value, kernel, drop.op.rate)
        return Product(x, kernel)

    def _sum(self, values: Sequence[Value], depth: int) -> Form:
        """Learned vectors among the summands are biases."""
        total = Form()
        for value in values:
            vector = self.piece(value)
            is_bias = vector is not None and len(vector.axes) == 1
            total = total.plus(
                Form(biases=(vector,)) if is_bias and vector is not None else self.form(value, depth)
            )
        return total

    def _columns(self, node: Node, value: Value, depth: int) -> Form | None:
        """Some columns of a form."""
        inner = self.form(node.operands[0], depth)
        shape = node.operands[0].type.shape
        width = shape[-1] if shape is not None and shape[-1] is not None else inner.width
        rank = 2 if shape is None else len(shape)
        if width is None:
            return None
        found = _columns_of(node, node.results.index(value), rank, width)
        return None if found is None else inner.cut(*found)


def _as_it_is(value: Value) -> Form:
    shape = value.type.shape
    return Form(parts=(Part(value, 0, shape[-1] if shape else None),))


def _columns_of(node: Node, result: int, rank: int, width: int) -> Range | None:
    """Which range of the last axis a node takes and nothing else; None if it does something else."""
    if isinstance(node.op, Split):
        if node.op.axis not in (-1, rank - 1):
            return None
        return _part(node.op, result, width)
    assert isinstance(node.op, Slice)
    ranges = _ranges(node.op, rank)
    if ranges is None or any(one != slice(None) for one in ranges[:-1]) or not isinstance(ranges[-1], slice):
        return None
    start, stop, step = ranges[-1].indices(width)
    return (start, stop) if step == 1 else None


def _part(op: Split, result: int, total: int) -> Range:
    points = op.points or tuple(total * i // op.count for i in range(1, op.count))
    ends = (0, *points, total)
    return ends[result], ends[result + 1]


def _ranges(op: Slice, rank: int) -> list[slice | int] | None:
    """What a slice takes of each axis; None if it has more axes."""
    found: list[slice | int] = [slice(None)] * rank
    steps = op.steps or (1,) * len(op.axes)
    for axis, begin, end, step in zip(op.axes, op.begins, op.ends, steps, strict=True):
        if not -rank <= axis < rank:
            return None
        found[axis] = begin if axis in op.squeeze else slice(begin, end, step)
    return found


def _cut_like(node: Node, result: int, inner: Piece) -> Piece | None:
    """The part that a node takes of a part. Raises ValueError and IndexError where it fits none."""
    rank = len(inner.axes)
    if not rank:
        return None
    match node.op:
        case Split() as op:
            axis = op.axis % rank
            return inner.cut(axis, *_part(op, result, inner.sizes[axis]))
        case Unstack(axis=axis):
            return inner.at(axis % rank, result)
        case Transpose(axes=axes) if len(axes) == rank:
            return msgspec.structs.replace(inner, axes=tuple(inner.axes[axis] for axis in axes))
        case Slice() as op:
            return _sliced(op, inner)
        case _:
            return None


def _sliced(op: Slice, inner: Piece) -> Piece | None:
    ranges = _ranges(op, len(inner.axes))
    if ranges is None:
        return None
    dropped = 0
    for i, one in enumerate(ranges):
        size = inner.sizes[i - dropped]
        if isinstance(one, int) and size:
            inner = inner.at(i - dropped, one % size)
            dropped += 1
        elif isinstance(one, int):
            return None
        else:
            start, stop, step = one.indices(size)
            if step != 1:
                return None
            inner = inner.cut(i - dropped, start, stop)
    return inner
