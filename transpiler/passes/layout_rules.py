"""How each op takes operands that lie in another order: the rules of the data-format pass.

`plan` answers, for a node and the layouts its operands have, in which layouts to read them, what op then computes
the same, in which layouts its results lie, and which parameters must be stored in another order. An op without a rule
reads its operands in the source's order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from transpiler.ir import Node, Op, Permute, Regroup, Relayout, TensorType
from transpiler.ir.attributes import Attr
from transpiler.ir.op import fields_of
from transpiler.ops import activation as act
from transpiler.ops import elementwise as ew
from transpiler.ops import normalization as norm
from transpiler.ops import reduction, regularization, shape
from transpiler.ops.array import FillLike
from transpiler.ops.dense import Dense
from transpiler.ops.pooling import GlobalPool
from transpiler.ops.preprocessing import Standardize
from transpiler.ops.recurrent_stack import ConvLSTM
from transpiler.ops.spatial import DataFormat
from transpiler.passes.layouts import Blocks, Flattened, Layout, Permuted, converted, keeps_order


class Forward(msgspec.Struct, frozen=True):
    """The node needs no op: its result is its operand, seen in this layout."""

    layout: Layout


class Plan(msgspec.Struct, frozen=True):
    """What the data-format pass does with a node."""

    op: Op
    operands: tuple[Layout, ...]
    results: tuple[Layout, ...]
    params: Mapping[str, tuple[Relayout, ...]] = msgspec.field(default_factory=dict)
    forward: Forward | None = None


TRANSPARENT = (
    act.Activation,
    ew.Elementwise,
    ew.Cast,
    shape.Concat,
    shape.Split,
    shape.Copies,
    norm.Scale,
    norm.Bias,
    shape.Slice,
    shape.Tile,
    shape.ShuffleChannels,
    shape.CropLike,
)
"""Ops that work in any order of axes, so that the values around them share a layout."""


POINTWISE = (
    FillLike,
    ew.Cast,
    shape.Copies,
    regularization.ActivityRegularization,
    regularization.GaussianDropout,
    regularization.GaussianNoise,
)
"""Ops outside the room of activations that treat every element alike."""
_NAMES_AXES = frozenset({"axis", "axes", "shared_axes"})


def is_transparent(op: Op) -> bool:
    return isinstance(op, TRANSPARENT)


def is_pointwise(op: Op) -> bool:
    """Whether an op does the same to every element wherever it lies: it names no axis and learns nothing."""
    if isinstance(op, POINTWISE):
        return True
    activation = isinstance(op, act.Activation) and type(op).__module__ == act.__name__
    return activation and not op.roles and _NAMES_AXES.isdisjoint(field.name for field in fields_of(op))


def plan(node: Node, layouts: Sequence[Layout], target: DataFormat, wanted: bool) -> Plan:
    """The plan for one node given the layouts in which its operands were produced.

    `wanted`: spatial ops of the other format work on the node's result.
    """
    if getattr(node.op, "data_format", target) is not target and not isinstance(node.op, ConvLSTM):
        return _spatial(node, target)
    made = None
    match layouts[0] if layouts else None:
        case Permuted() as moved:
            made = _permuted(node, moved, layouts)
        case Flattened() as flat:
            made = _flattened(node, flat, layouts)
        case None:
            made = _unmoved(node, layouts, target if wanted else None)
    return made or _in_source_order(node)


def _in_source_order(node: Node) -> Plan:
    return Plan(node.op, (None,) * len(node.operands), (None,) * len(node.results))


def _spatial(node: Node, target: DataFormat) -> Plan:
    """A spatial op of the other format: it changes format together with its first operand."""
    rank = node.operands[0].type.rank
    if rank is None:
        return _in_source_order(node)
    moved = converted(rank, target)
    op: Op = node.op.evolve(data_format=target)
    keeps = not (isinstance(node.op, GlobalPool) and not node.op.keepdims)
    rest = (None,) * (len(node.operands) - 1)
    return Plan(op, (moved, *rest), (moved if keeps else None,) * len(node.results))


def _unmoved(node: Node, layouts: Sequence[Layout], target: DataFormat | None) -> Plan | None:
    """First operand as in the source: it may join a moved sibling, or a reshape may produce a moved map for free."""
    if isinstance(node.op, ew.Elementwise):
        moved = next((layout for layout in layouts if isinstance(layout, Permuted)), None)
        return _joined(node, moved) if moved else None
    if isinstance(node.op, shape.Reshape):
        return _reshape(node, None, target)
    return None


def _permuted(node: Node, moved: Permuted, layouts: Sequence[Layout]) -> Plan | None:
    op = node.op
    rank = len(moved.axes)
    match op:
        case shape.Flatten():
            return _flatten(node, op, moved)
        case shape.Transpose():
            return _transpose(op, moved)
        case shape.Reshape():
            return _reshape(node, moved, None)
        case Dense():
            return _dense(node, op, moved)
        case norm.Scale() | norm.Bias() if len(node.operands) == 1:
            return _spanning(node, op, moved)
        case ew.Elementwise():
            return _joined(node, moved)
        case shape.Concat():
            changed = op.evolve(axis=moved.new(op.axis))
            return Plan(changed, (moved,) * len(node.operands), (moved,))
        case reduction.Reduce():
            return _reduce(op, moved)
        case shape.Squeeze():
            return _squeeze(node, op, moved)
        case regularization.SpatialDropout():
            flipped = op.evolve(channels_last=not op.channels_last)
            return Plan(flipped, (moved,), (moved,)) if op.rank == rank - 2 else None
    changed_op = _with_axes(node, moved)
    if changed_op is None:
        return None
    op, params = changed_op
    return Plan(op, (moved,) * len(node.operands), (moved,) * len(node.results), params)


def _with_axes(node: Node, moved: Permuted) -> tuple[Op, Mapping[str, tuple[Relayout, ...]]] | None:
    """An op that treats all axes alike but for those it names, with its axes renamed."""
    match node.op:
        case act.PRelu() as op:
            axes = tuple(sorted(moved.new(axis) for axis in op.shared_axes))
            inner = tuple(axis - 1 for axis in moved.axes if axis)
            if moved.axes[0] != 0:
                return None
            return op.evolve(shared_axes=axes), {"alpha": (Permute(inner),)}
        case norm.LayerNorm() as op:
            return None if len(op.axes) > 1 else (op.evolve(axes=(moved.new(op.axes[0]),)), {})
        case norm.MVN() | norm.L2Normalize(scale=False) as op:
            return op.evolve(axes=tuple(sorted(moved.new(axis) for axis in op.axes))), {}
        case norm.L2Normalize():
            return None
        case Standardize(axes=(axis,), mean=None | list() | tuple()) as op if not _is_nested(op.mean):
            return op.evolve(axes=(moved.new(axis),)), {}
        case shape.Slice() as op:
            if op.squeeze:
                return None
            return op.evolve(axes=tuple(moved.new(axis) for axis in op.axes)), {}
        case (
            act.Softmax()
            | act.LogSoftmax()
            | act.Maxout()
            | norm.BatchNorm()
            | norm.LRN()
            | norm.GroupNorm()
            | shape.Split()
            | shape.Tile()
            | shape.ShuffleChannels()
        ) as op:
            return op.evolve(axis=moved.new(op.axis)), {}
        case reduction.ArgMax(axis=int()) as op:
            return op.evolve(axis=moved.new(op.axis or 0)), {}
        case regularization.Dropout() | regularization.AlphaDropout() as op:
            return _dropped(op, moved)
        case op if is_pointwise(op):
            return node.op, {}
    return None


def _dropped(
    op: regularization.Dropout | regularization.AlphaDropout, moved: Permuted
) -> tuple[Op, Mapping[str, tuple[Relayout, ...]]] | None:
    """The shape of the mask has its axes renamed."""
    mask = op.noise_shape
    if mask is None:
        return op, {}
    return (op.evolve(noise_shape=moved.shape(mask)), {}) if len(mask) == len(moved.axes) else None


def _is_nested(numbers: Attr) -> bool:
    """Whether numbers are shaped to fit axes as they are."""
    return isinstance(numbers, (list, tuple)) and any(isinstance(item, (list, tuple)) for item in numbers)


def _joined(node: Node, moved: Permuted) -> Plan | None:
    """Elementwise over several tensors: all in the same order, which needs all to have all axes (or none)."""
    ranks = [value.type.rank for value in node.operands]
    if any(rank not in (len(moved.axes), 0) for rank in ranks):
        return None
    wanted = tuple(moved if rank else None for rank in ranks)
    return Plan(node.op, wanted, (moved,))


def _flatten(node: Node, op: shape.Flatten, moved: Permuted) -> Plan | None:
    source = node.operands[0].type.shape
    rank = len(moved.axes)
    start, end = op.axis % rank, op.end_axis % rank
    tail = moved.axes[start : end + 1]
    rest_stays = moved.axes[:start] + moved.axes[end + 1 :] == (*range(start), *range(end + 1, rank))
    if source is None or not rest_stays:
        return None
    dims = source[start : end + 1]
    order = Permuted(tuple(axis - start for axis in tail))
    if keeps_order(dims, order):
        return Plan(op, (moved,), (None,))
    known = tuple(dim for dim in dims if dim is not None)
    if len(known) < len(dims):
        return None
    return Plan(op, (moved,), (Flattened(start, ((known, order.axes),)),))


def _transpose(op: shape.Transpose, moved: Permuted) -> Plan:
    """A transposition is only another view of where the axes lie."""
    layout = Permuted(tuple(op.axes.index(axis) for axis in moved.axes))
    return Plan(op, (moved,), (layout,), forward=Forward(layout))


def _reshape(node: Node, moved: Permuted | None, target: DataFormat | None) -> Plan | None:
    """A reshape that only adds or drops axes of size 1 can read and write moved axes."""
    source, result = node.operands[0].type.shape, node.results[0].type.shape
    if source is None or result is None or source[:1] != result[:1]:
        return None
    if moved is not None and not keeps_order(source, moved):
        return _regrouped_reshape(node, moved)
    if moved is None and (target is None or len(result) < 3):
        return None
    to = converted(len(result), target or _format_of(moved)) if len(result) >= 3 else None
    if to is not None and (not keeps_order(result, to) or result[1:].count(1) < len(result) - 2):
        to = None
    shape_now = result if to is None else to.shape(result)
    sizes = [0 if i == 0 else (-1 if size is None else size) for i, size in enumerate(shape_now)]
    if sizes.count(-1) > 1 or (moved is None and to is None):
        return None
    return Plan(shape.Reshape(target=tuple(sizes)), (moved,), (to,))


def _format_of(moved: Permuted | None) -> DataFormat:
    if moved is not None and len(moved.axes) > 2 and moved.axes[1] == 2:
        return DataFormat.CHANNELS_LAST
    return DataFormat.CHANNELS_FIRST


def _regrouped_reshape(node: Node, moved: Permuted) -> Plan | None:
    """A reshape to [N, everything] is a flatten."""
    result, source = node.results[0].type.shape, node.operands[0].type.shape
    if result is None or source is None or len(result) != 2 or source[0] != result[0]:
        return None
    return _flatten(node, shape.Flatten(), moved)


def _dense(node: Node, op: Dense, moved: Permuted) -> Plan | None:
    source = node.operands[0].type.shape
    rank = len(moved.axes)
    start = op.axis % rank
    if source is None or moved.axes[:start] != tuple(range(start)):
        return None
    dims = tuple(dim for dim in source[start:] if dim is not None)
    if len(dims) < rank - start:
        return None
    order = Permuted(tuple(axis - start for axis in moved.axes[start:]))
    steps = () if keeps_order(dims, order) else (Regroup(1, ((dims, order.axes),)),)
    return Plan(op.evolve(axis=start), (moved,), (None,), {"kernel": steps} if steps else {})


def _spanning(node: Node, op: norm.Scale | norm.Bias, moved: Permuted) -> Plan | None:
    """A learned factor over some axes: those axes must still lie side by side."""
    rank = len(moved.axes)
    start = op.axis % rank if op.num_axes else 0
    count = rank - start if op.num_axes == -1 else op.num_axes
    if count == 0:
        return Plan(op, (moved,), (moved,))
    places = sorted(moved.new(axis) for axis in range(start, start + count))
    if places != list(range(places[0], places[0] + count)):
        return None
    order = tuple(moved.axes[place] - start for place in places)
    steps: tuple[Relayout, ...] = () if order == tuple(range(count)) else (Permute(order),)
    changed: Op = op.evolve(axis=places[0], num_axes=count)
    return Plan(changed, (moved,), (moved,), dict.fromkeys(op.roles, steps) if steps else {})


def _reduce(op: reduction.Reduce, moved: Permuted) -> Plan:
    rank = len(moved.axes)
    gone = {axis % rank for axis in op.axes}
    changed = op.evolve(axes=tuple(sorted(moved.new(axis) for axis in gone)))
    if op.keepdims:
        return Plan(changed, (moved,), (moved,))
    return Plan(changed, (moved,), (_remaining(moved, gone),))


def _remaining(moved: Permuted, gone: set[int]) -> Permuted:
    kept = [axis for axis in moved.axes if axis not in gone]
    order = sorted(kept)
    return Permuted(tuple(order.index(axis) for axis in kept))


def _squeeze(node: Node, op: shape.Squeeze, moved: Permuted) -> Plan:
    gone = {axis % len(moved.axes) for axis in op.axes}
    changed = shape.Squeeze(axes=tuple(sorted(moved.new(axis) for axis in gone)))
    return Plan(changed, (moved,), (_remaining(moved, gone),))


def _flattened(node: Node, flat: Flattened, layouts: Sequence[Layout]) -> Plan | None:
    """A flattened map in another order: ops on single elements keep it, a dense layer takes it, joins combine it."""
    op = node.op
    match op:
        case Dense() if (
            op.axis % (node.operands[0].type.rank or 1) == flat.axis == (node.operands[0].type.rank or 0) - 1
        ):
            return Plan(op, (flat,), (None,), {"kernel": (Regroup(1, flat.blocks),)})
        case norm.BatchNorm() if op.axis % (node.operands[0].type.rank or 1) == flat.axis:
            return Plan(op, (flat,), (flat,), dict.fromkeys(op.roles, (Regroup(0, flat.blocks),)))
        case norm.Scale() | norm.Bias() if (
            len(node.operands) == 1 and op.axis == flat.axis and op.num_axes == 1
        ):
            return Plan(op, (flat,), (flat,), dict.fromkeys(op.roles, (Regroup(0, flat.blocks),)))
        case shape.Concat() if op.axis % (node.operands[0].type.rank or 1) == flat.axis:
            return _joined_flat(node, flat, layouts)
        case ew.Elementwise() if all(layout == flat for layout in layouts):
            return Plan(op, tuple(layouts), (flat,))
        case act.Softmax() | act.LogSoftmax():
            return Plan(op, (flat,), (flat,))
        case regularization.Dropout(noise_shape=None) | regularization.AlphaDropout(noise_shape=None):
            return Plan(op, (flat,), (flat,))
        case act.PRelu() | norm.BatchNorm() | norm.LRN() | norm.LayerNorm() | norm.MVN() | norm.GroupNorm():
            return None
        case norm.L2Normalize() | regularization.Dropout() | regularization.AlphaDropout():
            return None
        case regularization.Masking() | regularization.SpatialDropout():
            return None
        case op if is_pointwise(op):
            return Plan(op, (flat,), (flat,) * len(node.results))
    return None


def _joined_flat(node: Node, flat: Flattened, layouts: Sequence[Layout]) -> Plan | None:
    blocks: Blocks = ()
    for value, layout in zip(node.operands, layouts, strict=True):
        match layout:
            case Flattened(axis, more) if axis == flat.axis:
                blocks += more
            case None:
                size = _size(value.type, flat.axis)
                if size is None:
                    return None
                blocks += (((size,), (0,)),)
            case _:
                return None
    return Plan(node.op, tuple(layouts), (Flattened(flat.axis, blocks),))


def _size(type_: TensorType, axis: int) -> int | None:
    return None if type_.shape is None else type_.shape[axis]
