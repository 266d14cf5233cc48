"""Matrix products, lookups, normalizations, and learned factors and summands in TensorFlow's ops."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transpiler.dialects.tensorflow.write_math import affine, as_float, same_types
from transpiler.dialects.tensorflow.write_shapes import tensor_of, view, whole_numbers
from transpiler.dialects.tensorflow.write_steps import (
    Fixed,
    Input,
    Learned,
    Refused,
    Result,
    Steps,
    Tensor,
    ints,
    scalar,
)
from transpiler.dialects.tensorflow.write_template import Dims, Numbers
from transpiler.ir import DType
from transpiler.ops import core
from transpiler.ops import normalization as norm
from transpiler.ops.dense import Dense, Embedding, MatMul, ReversibleEmbedding
from transpiler.ops.einsum import Einsum, EinsumDense, to_equation


def placeholder(op: core.Input, s: Steps) -> Result:
    return s.op("Placeholder", dtype=op.dtype, shape=Dims(op.shape))


def constant(op: core.Constant, s: Steps) -> Result:
    return s.constant(tensor_of(op.shape, op.values, op.dtype), "Const")


def parameter(op: core.Parameter, s: Steps) -> Result:
    return s.op("Identity", s.param("value", dtype=op.dtype))


def dense(op: Dense, s: Steps) -> Result:
    """Kernel: inputs, units. Further axes are a batch of matrices."""
    rank = s.rank()
    if op.axis % rank != rank - 1:
        raise Refused("TensorFlow multiplies the last axis")
    kernel = s.param("kernel", (1, 0))
    if rank == 1:
        raise Refused("its input has no batch axis")
    x = as_float(s, s.x)
    if rank == 2:
        y = s.op("MatMul", x, kernel, transpose_a=False, transpose_b=False)
    else:
        y = s.op("BatchMatMulV2", x, kernel, name="MatMul", adj_x=False, adj_y=False)
    return s.op("BiasAdd", y, s.param("bias"), data_format="NHWC") if op.bias else y


def embedding(op: Embedding, s: Steps) -> Result:
    y = s.op("GatherV2", s.param("kernel"), whole_numbers(s, s.x), scalar("axis", 0), name="embedding_lookup")
    return s.op("BiasAdd", y, s.param("bias"), data_format="NHWC") if op.bias else y


def reversible_embedding(op: ReversibleEmbedding, s: Steps) -> Result:
    """Rows of a table, or the other way round the product with all of its rows, softly bounded."""
    if not op.reverse:
        return s.op(
            "GatherV2", s.param("kernel"), whole_numbers(s, s.x), scalar("axis", 0), name="embedding_lookup"
        )
    kernel = s.param("kernel" if op.tied else "reverse_kernel")
    if s.rank() == 2:
        y = s.op("MatMul", s.x, kernel, transpose_a=False, transpose_b=True)
    else:
        y = s.op("BatchMatMulV2", s.x, kernel, name="MatMul", adj_x=False, adj_y=True)
    if op.cap is None:
        return y
    return affine(s, s.op("Tanh", affine(s, y, 1.0 / op.cap, 0.0)), op.cap, 0.0)


def matmul(op: MatMul, s: Steps) -> Result:
    a, b = same_types(s)
    if s.rank(0) == s.rank(1) == 2:
        return s.op("MatMul", a, b, transpose_a=op.transpose_a, transpose_b=op.transpose_b)
    return s.op("BatchMatMulV2", a, b, name="MatMul", adj_x=op.transpose_a, adj_y=op.transpose_b)


def einsum(op: Einsum, s: Steps) -> Result:
    equation = to_equation(op.equation)
    return s.op("Einsum", *same_types(s), equation=f"{','.join(equation.inputs)}->{equation.output}")


def einsum_dense(op: EinsumDense, s: Steps) -> Result:
    """A kernel whose axes are all x's own and all kept multiplies elements; otherwise the equation is written."""
    equation = to_equation(op.equation, 2)
    left, right = equation.inputs
    y = s.op("Einsum", s.x, s.param("kernel"), equation=f"{left},{right}->{equation.output}")
    return s.op("AddV2", y, s.param("bias"), name="add") if op.bias_axes else y


def span(axis: int, count: int, rank: int) -> tuple[int, int]:
    """The first axis and how many there are."""
    if count == 0:
        return 0, 0
    start = axis % rank
    return start, rank - start if count == -1 else count


def aligned(s: Steps, role: str, start: int, count: int, rank: int) -> Input:
    """A learned array over axes start …, shaped to broadcast against a tensor of that rank."""
    array = s.param(role)
    trailing = rank - start - count
    if trailing == 0 or count == 0:
        return array
    return reshaped(s, array, (*shape_of(s, array), *(1,) * trailing), f"{role}/Reshape")


def shape_of(s: Steps, array: Input) -> tuple[int, ...]:
    """The shape of a learned or fixed array."""
    match array:
        case Learned(stored):
            return s.shapes[stored.role]
        case Fixed(_, numbers):
            return numbers.shape
        case Tensor():
            raise TypeError("the shape of a computed tensor is not kept")


def reshaped(s: Steps, array: Input, shape: Sequence[int], name: str) -> Input:
    """A learned array in another shape; a fixed one is simply written so."""
    if isinstance(array, Fixed):
        return Fixed(array.label, Numbers(array.numbers.dtype, tuple(shape), array.numbers.values))
    return view(s, array, list(shape), name)


def scale(op: norm.Scale, s: Steps) -> Result:
    """A learned factor, then a learned summand."""
    if not op.learned:
        raise Refused("its factor is an operand")
    rank = s.rank()
    start, count = span(op.axis, op.num_axes, rank)
    y = s.op("Mul", s.x, aligned(s, "gamma", start, count, rank), name="mul")
    return s.op("AddV2", y, aligned(s, "beta", start, count, rank), name="add") if op.bias else y


def bias(op: norm.Bias, s: Steps) -> Result:
    """A summand along the last axis is a bias; along others it is shaped to fit."""
    if not op.learned:
        raise Refused("its summand is an operand")
    rank = s.rank()
    start, count = span(op.axis, op.num_axes, rank)
    if count == 1 and start == rank - 1 and rank > 1:
        return s.op("BiasAdd", s.x, s.param("beta"), data_format="NHWC")
    return s.op("AddV2", s.x, aligned(s, "beta", start, count, rank), name="add")


def batch_norm(op: norm.BatchNorm, s: Steps) -> Result:
    """The fused op for pictures and volumes; otherwise spelled out as tf.nn.batch_normalization does."""
    rank = s.rank()
    axis = op.axis % rank
    formats = {(4, 3): "NHWC", (4, 1): "NCHW", (5, 4): "NDHWC", (5, 1): "NCDHW"}
    if (rank, axis) in formats and s.x.dtype is not DType.FLOAT64:
        size, real = s.size(axis), DType.FLOAT32  # also for shorter x
        gamma = s.param("gamma", dtype=real) if op.scale else _filled("scale", size, 1.0)
        beta = s.param("beta", dtype=real) if op.center else _filled("offset", size, 0.0)
        outputs = s.many(
            "FusedBatchNormV3",
            s.x,
            gamma,
            beta,
            s.param("mean", dtype=real),
            s.param("variance", dtype=real),
            count=1,
            epsilon=op.epsilon,
            data_format=formats[rank, axis],
            is_training=False,
        )
        return outputs[0]
    return _spelled_out(op, s, axis, rank)


def _filled(label: str, size: int, value: float) -> Fixed:
    return Fixed(label, Numbers(DType.FLOAT32, (size,), (value,)))


def _spelled_out(op: norm.BatchNorm, s: Steps, axis: int, rank: int) -> Tensor:
    def array(role: str) -> Input:
        return aligned(s, role, axis, 1, rank)

    name = "batchnorm"
    divisor = s.op("AddV2", array("variance"), scalar("y", op.epsilon, s.real), name=f"{name}/add")
    factor = s.op("Rsqrt", divisor, name=f"{name}/Rsqrt")
    if op.scale:
        factor = s.op("Mul", factor, array("gamma"), name=f"{name}/mul")
    scaled = s.op("Mul", s.x, factor, name=f"{name}/mul_1")
    mean = s.op("Mul", array("mean"), factor, name=f"{name}/mul_2")
    if not op.center:
        return s.op("Sub", scaled, mean, name=f"{name}/sub")
    shift = s.op("Sub", array("beta"), mean, name=f"{name}/sub")
    return s.op("AddV2", scaled, shift, name=f"{name}/add_1")


def lrn(op: norm.LRN, s: Steps) -> Result:
    """Across the last axis of pictures: TensorFlow multiplies the plain sum of 2 r + 1 squares (trap 16)."""
    rank = s.rank()
    if op.region is norm.Region.WITHIN:
        raise Refused("it normalizes within a channel")
    if rank != 4 or op.axis % rank != 3:
        raise Refused("TensorFlow normalizes across the last axis of pictures")
    if op.size % 2 == 0:
        raise Refused("its number of neighbours is even")
    return s.op("LRN", s.x, depth_radius=op.size // 2, bias=op.k, alpha=op.alpha / op.size, beta=op.beta)


def layer_norm(op: norm.LayerNorm, s: Steps) -> Result:
    """Moments over the axes, then factor and summand."""
    rank = s.rank()
    axes = sorted(axis % rank for axis in op.axes)
    indices = tuple(axes)
    name = "layernorm"
    x = as_float(s, s.x)
    if op.rms:
        squares = s.op("Square", x)
        variance = s.op("Mean", squares, ints("reduction_indices", indices), keep_dims=True)
    else:
        mean = s.op("Mean", x, ints("reduction_indices", indices), name="moments/mean", keep_dims=True)
        squares = s.op("SquaredDifference", x, mean, name="moments/SquaredDifference")
        variance = s.op(
            "Mean", squares, ints("reduction_indices", indices), name="moments/variance", keep_dims=True
        )
    shape = [1] * rank
    for axis in axes:
        shape[axis] = s.size(axis)
    factor = s.op("Rsqrt", affine(s, variance, 1.0, op.epsilon), name=f"{name}/Rsqrt")
    if not op.rms:
        x = s.op("Sub", x, mean, name=f"{name}/sub")
    y = s.op("Mul", x, factor, name=f"{name}/mul")
    return _learned_affine(s, y, shape, axes, op.scale, op.center)


def _learned_affine(
    s: Steps, y: Tensor, shape: Sequence[int], axes: Sequence[int], scale: bool, center: bool
) -> Tensor:
    """Times gamma plus beta, each shaped to broadcast."""
    tail = list(axes) == list(range(len(shape) - len(axes), len(shape)))

    def array(role: str) -> Input:
        return s.param(role) if tail else reshaped(s, s.param(role), shape, f"{role}/Reshape")

    if scale:
        y = s.op("Mul", y, array("gamma"), name="mul")
    return s.op("AddV2", y, array("beta"), name="add") if center else y


def group_norm(op: norm.GroupNorm, s: Steps) -> Result:
    """The channels in groups on an axis of their own, normalized with space."""
    rank = s.rank()
    axis = op.axis % rank
    shape = s.shape()
    size = s.size(axis)
    groups = size if op.groups == -1 else op.groups
    sizes = [-1 if n is None else n for n in shape]
    if sizes.count(-1) > 1:
        raise Refused("more than one size of its input is unknown", "give --input-shape")
    inner = [*sizes[:axis], groups, size // groups, *sizes[axis + 1 :]]
    axes = tuple(i for i in range(1, rank + 1) if i != axis)
    x = view(s, as_float(s, s.x), inner)
    mean = s.op("Mean", x, ints("reduction_indices", axes), name="moments/mean", keep_dims=True)
    squares = s.op("SquaredDifference", x, mean, name="moments/SquaredDifference")
    variance = s.op("Mean", squares, ints("reduction_indices", axes), name="moments/variance", keep_dims=True)
    factor = s.op("Rsqrt", affine(s, variance, 1.0, op.epsilon))
    y = view(s, s.op("Mul", s.op("Sub", x, mean), factor), sizes)
    blank = [1] * rank
    blank[axis] = size
    return _learned_affine(s, y, blank, [axis], op.scale, op.center)


def unit_norm(op: norm.UnitNorm, s: Steps) -> Result:
    """As tf.math.l2_normalize: the squared length is at least epsilon squared."""
    axes = tuple(axis % s.rank() for axis in op.axes)
    total = s.op("Sum", s.op("Square", s.x), ints("reduction_indices", axes), keep_dims=True)
    bounded = s.op("Maximum", total, s.like("y", max(op.epsilon**2, math.ulp(0.0)), total))
    return s.op("Mul", s.x, s.op("Rsqrt", bounded))
