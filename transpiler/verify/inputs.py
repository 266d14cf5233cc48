"""What a network is fed: seeded numbers that fit what it does with them.

Numbers are normal, so half of them are negative. Inputs that are looked up in tables are whole numbers below the sizes
of the tables; continuation flags of Caffe's recurrent layers are 0 at the first step and 0 or 1 after it; labels, which
only training reads, are zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from transpiler.ir import DType, Graph, Node, Op, Value
from transpiler.ops import array, regularization, shape
from transpiler.ops.activation import Identity
from transpiler.ops.array import Gather
from transpiler.ops.caffe_recurrent import LSTMUnit, TimeMajorRecurrent
from transpiler.ops.core import Data, Input
from transpiler.ops.dense import Embedding, ReversibleEmbedding
from transpiler.ops.elementwise import Cast
from transpiler.ops.loss import Loss
from transpiler.ops.preprocessing import OneHot
from transpiler.verify.seeds import generator

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers

_KEPT: Final = 0.8
"""How often a continuation flag goes on with the sequence."""
_INDICES: Final = 2
"""Below which whole numbers stay that nothing says more of."""
_MOVING: Final = (
    Cast,
    Identity,
    array.Flip,
    array.Repeat,
    array.Stack,
    array.TileAxes,
    array.Unstack,
    regularization.Dropout,
    regularization.Masking,
    shape.Concat,
    shape.Copies,
    shape.ExpandDims,
    shape.Flatten,
    shape.RepeatVector,
    shape.Reshape,
    shape.Reverse,
    shape.Slice,
    shape.Split,
    shape.Squeeze,
    shape.Tile,
    shape.Transpose,
)
"""Ops whose results hold elements of their operands and nothing else."""
_FLAGS: Final[Mapping[type[Op], int]] = {TimeMajorRecurrent: 1, LSTMUnit: 2}
"""Which operand of an op is continuation flags."""


class _Use(msgspec.Struct):
    """What a network does with an input."""

    below: int | None = None
    """The size of the smallest table that it is looked up in."""
    is_flag: bool = False
    is_label: bool = True
    """Whether nothing but losses reads it."""


def inputs_of(graph: Graph) -> Iterator[Value]:
    """The values that somebody has to provide."""
    for node in graph.nodes:
        if isinstance(node.op, (Input, Data)):
            yield from node.results


def feeds(graph: Graph, seed: int) -> dict[str, Numbers]:
    """Numbers for every input of a graph whose inputs have known shapes, by the name of its value."""
    uses = _uses(graph)
    return {value.name: _drawn(value, uses[value], seed) for value in inputs_of(graph)}


def _drawn(value: Value, use: _Use, seed: int) -> Numbers:
    import numpy as np

    numbers = generator(seed, value.native or value.name, 0)
    sizes = tuple(size or 0 for size in value.type.shape or ())
    kind = value.type.dtype
    whole = kind in (DType.INT8, DType.INT16, DType.INT32, DType.INT64, DType.UINT8)
    made: Numbers
    if use.is_flag:
        made = (numbers.uniform(size=sizes) < _KEPT).astype("float32")
        made[:1] = 0
    elif use.below is not None or whole:
        made = numbers.integers(0, _INDICES if use.below is None else use.below, sizes)
    elif kind is DType.BOOL:
        made = numbers.integers(0, 2, sizes)
    elif use.is_label:
        made = np.zeros(sizes)
    else:
        made = numbers.standard_normal(sizes)
    return made.astype(_NUMPY.get(kind, "float32"))


_NUMPY: Final = {
    DType.FLOAT16: "float16",
    DType.FLOAT64: "float64",
    DType.INT8: "int8",
    DType.INT16: "int16",
    DType.INT32: "int32",
    DType.INT64: "int64",
    DType.UINT8: "uint8",
    DType.BOOL: "bool",
}


def _uses(graph: Graph) -> dict[Value, _Use]:
    found = {value: _Use() for value in inputs_of(graph)}
    holds: dict[Value, tuple[Value, ...]] = {value: (value,) for value in found}
    """The inputs whose elements a value holds."""
    for node in graph.nodes:
        for i, value in enumerate(node.operands):
            for source in holds.get(value, ()):
                _note(found[source], node, i)
        if isinstance(node.op, _MOVING):
            sources = _all(holds.get(value, ()) for value in node.operands)
            holds.update(dict.fromkeys(node.results, sources))
    for value in graph.outputs:
        if value in found:
            found[value].is_label = False
    return found


def _all(groups: Iterator[Sequence[Value]]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(value for group in groups for value in group))


def _note(use: _Use, node: Node, operand: int) -> None:
    if not isinstance(node.op, (*_MOVING, Loss, shape.Silence)):
        use.is_label = False
    limit = _rows(node.op, node, operand)
    if limit is not None:
        use.below = limit if use.below is None else min(use.below, limit)
    for kind, place in _FLAGS.items():
        if isinstance(node.op, kind):
            use.is_flag = use.is_flag or operand == place


def _rows(op: Op, node: Node, operand: int) -> int | None:
    """How many rows there are to choose from, for an operand that chooses rows."""
    match op:
        case Embedding() | OneHot():
            return op.count
        case ReversibleEmbedding(reverse=False):
            return op.count
        case Gather() if operand == 1:
            sizes = node.operands[0].type.shape
            return None if sizes is None else sizes[op.axis or 0]
        case _:
            return None
