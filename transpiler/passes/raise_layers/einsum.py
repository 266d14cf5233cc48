"""Products by an index equation with a learned kernel, and the bias that is added to them."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir import Node, Value
from transpiler.ops.einsum import Einsum, EinsumDense, to_equation
from transpiler.ops.elementwise import Add
from transpiler.ops.normalization import Bias
from transpiler.passes.raise_layers.engine import Any, Found, Learned, Make, Pattern, replace

Built = Sequence[Value] | None


def _layer(found: Found) -> Built:
    """Obligations: x is not learned, its batch stays in front, and the kernel has the sizes that the equation says."""
    op, shape = found.node.op, found.node.result.type.shape
    assert isinstance(op, Einsum)
    inputs, output = to_equation(op.equation).inputs, to_equation(op.equation).output
    left, right = inputs if found.node.operands[0] is found["x"] else inputs[::-1]
    kernel = found["kernel"].type.shape
    if not shape or not kernel or None in kernel or found.walk.parameter(found["x"]) is not None:
        return None
    batch = left[:1]
    if batch != output[:1] or batch in right or not all(map(_is_plain, (left, right, output))):
        return None
    made = EinsumDense(equation=f"{left},{right}->{output}", output_shape=shape[1:])
    if (
        made.params([found["x"].type])["kernel"].shape != kernel
        or made.infer([found["x"].type])[0].shape != shape
    ):
        return None
    return replace(found, made, found["x"], params=(found.use("kernel", "kernel"),))


def _is_plain(labels: str) -> bool:
    """Whether every index is named, once."""
    return "..." not in labels and len(set(labels)) == len(labels)


def _bias(found: Found) -> Built:
    """Obligation: along each of the output's last axes the bias has one number for each index, or one for all."""
    layer = found.nodes["layer"]
    shape, bias = layer.result.type.shape, found["bias"].type.shape
    if shape is None or not bias or None in bias or len(bias) >= len(shape):
        return None
    if isinstance(found.node.op, Bias) and found.node.op.axis % len(shape) != len(shape) - len(bias):
        return None
    axes = _bias_axes(layer, bias, shape[len(shape) - len(bias) :])
    if axes is None:
        return None
    made = layer.op.evolve(bias_axes=axes)
    uses = (*layer.params, found.use("bias", "bias"))
    return replace(found, made, *layer.operands, params=uses, layer=layer)


def _bias_axes(layer: Node, bias: Sequence[int | None], shape: Sequence[int | None]) -> str | None:
    assert isinstance(layer.op, EinsumDense)
    labels = to_equation(layer.op.equation).output[-len(bias) :]
    wide = [label for label, mine, full in zip(labels, bias, shape, strict=True) if mine == full]
    fits = all(mine in (1, full) for mine, full in zip(bias, shape, strict=True))
    return "".join(wide) if fits and wide and wide[0] == labels[0] else None


def _has_no_bias(op: EinsumDense) -> bool:
    return op.bias_axes is None


def _adds(op: Add) -> bool:
    return not op.coefficients


_LAYER = Make(EinsumDense, name="layer", when=_has_no_bias)

PATTERNS = (Pattern("einsum dense", Make(Einsum, (Any("x"), Learned("kernel")), swap=True), _layer),)
BIASES = (
    Pattern("bias of a layer", Make(Add, (_LAYER, Learned("bias")), when=_adds, swap=True), _bias),
    Pattern("bias of a layer", Make(Bias, (_LAYER, Learned("bias"))), _bias),
)
