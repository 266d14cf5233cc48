"""Whether a value can be negative, as far as the ops before it tell."""

from __future__ import annotations

from transpiler.ir import Value
from transpiler.ir.rewriting import Rewriter
from transpiler.ops.activation import Abs, Clip, HardSigmoid, Relu, Sigmoid, Softmax, Softplus
from transpiler.ops.elementwise import Add, Average, Maximum, Multiply
from transpiler.ops.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool
from transpiler.ops.regularization import Dropout
from transpiler.ops.shape import Concat, Crop, Flatten, Reshape, Transpose

DEPTH = 64
"""How many ops back the question is followed."""
KEEPS = (
    MaxPool,
    AveragePool,
    GlobalMaxPool,
    GlobalAveragePool,
    Dropout,
    Concat,
    Crop,
    Flatten,
    Reshape,
    Transpose,
)


def is_nonnegative(rewriter: Rewriter, value: Value) -> bool:
    """True only if `value` is provably at least 0 everywhere."""
    pending = [(value, 0)]
    while pending:
        current, depth = pending.pop()
        node = rewriter.producer(current)
        if node is None or depth > DEPTH:
            return False
        match node.op:
            case Relu(negative_slope=0.0, threshold=threshold) if threshold >= 0:
                continue
            case Sigmoid() | Softmax() | Softplus() | Abs() | HardSigmoid():
                continue
            case Clip(low=low) if low >= 0:
                continue
            case Add(coefficients=()) | Average() | Multiply() | Maximum():
                pending.extend((operand, depth + 1) for operand in node.operands)
            case op if isinstance(op, KEEPS):
                pending.extend((operand, depth + 1) for operand in node.operands)
            case _:
                return False
    return True
