"""A model applied to every step, as ops that are each applied to every step: what TimeDistributed(model) means."""

from __future__ import annotations

from transpiler.dialects.keras.activations import activation_name
from transpiler.ir import Op, TensorType
from transpiler.ops.elementwise import Elementwise
from transpiler.ops.shape import Concat
from transpiler.ops.wrappers import TimeDistributed


def distributed(op: Op) -> Op:
    """The op that does at every step of axis 1 what `op` does: itself, where it looks at single numbers only."""
    if isinstance(op, Elementwise) or activation_name(op) is not None:
        return op
    if isinstance(op, Concat):
        return op.evolve(axis=op.axis + 1) if op.axis > 0 else op
    return TimeDistributed(inner=op)


def undistributed(op: Op) -> Op:
    """The op of which this is the distributed one."""
    if isinstance(op, TimeDistributed):
        return op.inner
    if isinstance(op, Concat) and op.axis > 1:
        return op.evolve(axis=op.axis - 1)
    return op


def one_step(type_: TensorType) -> TensorType:
    """The type of one step of a sequence."""
    return type_ if type_.shape is None else type_.with_shape(type_.shape[:1] + type_.shape[2:])
