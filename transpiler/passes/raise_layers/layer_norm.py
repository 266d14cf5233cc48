"""Layer normalization as Keras has it in TensorFlow: a fused normalization of rows, and what is applied behind."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir import Value
from transpiler.ops.elementwise import Add, Multiply
from transpiler.ops.functional import Fill, FunctionalBatchNorm, ReshapeTo
from transpiler.ops.normalization import LayerNorm
from transpiler.ops.shape import Flatten, Reshape
from transpiler.passes.raise_layers.engine import Any, Either, Found, Learned, Make, Number, Pattern, replace
from transpiler.passes.raise_layers.normalization import is_plain, spans

Built = Sequence[Value] | None


def _of_rows(found: Found) -> Built:
    """Obligations: each row of x's last axes became a channel of its own, and the result has x's shape again."""
    op, shape, rows = found.op("norm"), found.shape("x"), found.nodes["norm"].operands[0].type.shape
    if shape is None or rows is None or len(rows) != 4 or found.node.result.type.shape != shape:
        return None
    one, _, size, last = rows
    axes = _ending(shape, size)
    if (op.axis, one, last) != (1, 1, 1) or axes is None:
        return None
    made = LayerNorm(axes=axes, epsilon=op.epsilon, scale=False, center=False)
    return replace(found, made, found["x"])


def _ending(shape: Sequence[int | None], size: int | None) -> tuple[int, ...] | None:
    """The last axes that have so many elements together, without the batch."""
    total = 1
    for axis in range(len(shape) - 1, 0, -1):
        length = shape[axis]
        if length is None:
            return None
        total *= length
        if total == size:
            return tuple(range(axis, len(shape)))
    return None


def _applied(found: Found) -> Built:
    """A factor and a summand of a layer normalization, each for every place that is normalized."""
    layer = found.nodes["layer"]
    added = isinstance(found.node.op, Add)
    name = "beta" if added else "gamma"
    assert isinstance(layer.op, LayerNorm)
    if not spans(found, name, tuple(axis % (found["x"].type.rank or 1) for axis in layer.op.axes)):
        return None
    op = layer.op.evolve(**{"center" if added else "scale": True})
    return replace(found, op, found["x"], params=(*layer.params, found.use(name, name)), layer=layer)


def _is_bare(op: LayerNorm) -> bool:
    return not (op.scale or op.center)


def _is_uncentered(op: LayerNorm) -> bool:
    return not op.center


def _filled(number: float) -> Either:
    """One number as often as there are rows."""
    return Either((Number(equals=number), Make(Fill, when=lambda op: op.value == number, shared=True)))


_ROWS = Make(Reshape, (Any("x"),))
_NORM = Make(
    FunctionalBatchNorm,
    (_ROWS, _filled(1.0), _filled(0.0), Any("mean"), Any("variance")),
    name="norm",
    when=lambda op: op.training,
)

PATTERNS = (
    *(
        Pattern("layer normalization", Make(kind, (_NORM,)), _of_rows)
        for kind in (Reshape, ReshapeTo, Flatten)
    ),
    Pattern(
        "layer normalization",
        Make(
            Multiply, (Make(LayerNorm, (Any("x"),), name="layer", when=_is_bare), Learned("gamma")), swap=True
        ),
        _applied,
    ),
    Pattern(
        "layer normalization",
        Make(
            Add,
            (Make(LayerNorm, (Any("x"),), name="layer", when=_is_uncentered), Learned("beta")),
            when=is_plain,
            swap=True,
        ),
        _applied,
    ),
)
