"""Layers of old Keras that no framework has today. Parameters as Keras 1.2 had them."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir.op import Op, ParamSpec, op
from transpiler.ir.types import Dim, Shape, TensorType
from transpiler.ops import fields as f
from transpiler.ops.activation import Activation, Identity
from transpiler.ops.op_fields import operation
from transpiler.ops.spatial import axis_of


def _features(operands: Sequence[TensorType]) -> Dim:
    shape = operands[0].shape
    return None if shape is None else shape[-1]


@op("highway", "Common")
class Highway(Activation):
    """t * activation(W x + b) + (1 - t) * x with t = sigmoid(V x + c). Kernels: [units, inputs]."""

    activation: Op = operation("applied to the transformed vector", Identity())
    bias: bool = f.flag("whether biases are added", True)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "carry_kernel", *(("bias", "carry_bias") if self.bias else ()))

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        size = _features(operands)
        return {role: ParamSpec((size, size) if role.endswith("kernel") else (size,)) for role in self.roles}


@op("maxout_dense", "Common")
class MaxoutDense(Op):
    """The largest of `pieces` dense layers' outputs. Kernel: [pieces, inputs, units]; bias: [pieces, units]."""

    units: int = f.integer("number of outputs", least=1)
    pieces: int = f.integer("how many dense layers compete", 4, least=1)
    bias: bool = f.flag("whether a bias is added", True)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "bias") if self.bias else ("kernel",)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        return (operands[0] if shape is None else operands[0].with_shape((*shape[:-1], self.units)),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        specs = {"kernel": ParamSpec((self.pieces, _features(operands), self.units))}
        return {**specs, "bias": ParamSpec((self.pieces, self.units))} if self.bias else specs


def _shared(operands: Sequence[TensorType], shared_axes: tuple[int, ...]) -> Shape:
    """The operand's shape without the batch, with 1 for shared axes."""
    shape = operands[0].shape
    if shape is None:
        return (None,)
    shared = {axis_of(axis, len(shape)) for axis in shared_axes}
    return tuple(1 if i in shared else size for i, size in enumerate(shape) if i)


@op("srelu", "Activation")
class SRelu(Activation):
    """x between two learned thresholds; beyond them, straight lines with learned slopes."""

    shared_axes: tuple[int, ...] = f.integers("axes along which the four numbers are the same", ())

    @property
    def roles(self) -> tuple[str, ...]:
        return ("left_threshold", "left_slope", "right_threshold", "right_slope")

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        return {role: ParamSpec(_shared(operands, self.shared_axes)) for role in self.roles}


@op("parametric_softplus", "Activation")
class ParametricSoftplus(Activation):
    """alpha * log(1 + exp(beta * x)) with learned alpha and beta."""

    shared_axes: tuple[int, ...] = f.integers("axes along which both are the same", ())

    @property
    def roles(self) -> tuple[str, ...]:
        return ("alpha", "beta")

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        return {role: ParamSpec(_shared(operands, self.shared_axes)) for role in self.roles}
