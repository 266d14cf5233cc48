"""Rows of Keras's core layers: inputs, dense layers, embeddings, activations by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transpiler.dialects.keras.activations import ACTIVATIONS
from transpiler.dialects.keras.calls import operand
from transpiler.dialects.keras.spelling import (
    CALL,
    DTYPE_NAMES,
    KerasRow,
    checked,
    read_dtype,
    required,
    required_link,
    with_fields,
)
from transpiler.dialects.rows import Array, FieldError, Link, Native, Refusal
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ops.activation import Identity
from transpiler.ops.core import Constant, Input, Opaque
from transpiler.ops.dense import Dense, Embedding, ReversibleEmbedding
from transpiler.ops.einsum import EinsumDense
from transpiler.ops.fields import to_shape
from transpiler.ops.regularization import Masking

CONSTANT = "constant"
"""A native type of ours: numbers in the call of the layer that reads them."""
OPAQUE = "opaque"
"""A native type of ours: any layer that is kept as it was written."""


def _input(native: Native) -> Mapping[str, Any]:
    config = native.config
    if config.get("batch_shape") is not None:
        return {"shape": checked("batch_shape", to_shape, config["batch_shape"])}
    if config.get("shape") is None:
        return {"shape": None}
    batch = checked("batch_size", to_shape, [config.get("batch_size")])
    return {"shape": (*batch, *checked("shape", to_shape, config["shape"]))}


def _put_input(node: Node) -> Mapping[str, Attr]:
    assert isinstance(node.op, Input)
    return {} if node.op.shape is None else {"batch_shape": list(node.op.shape)}


def _dense_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    """[units, inputs] is [inputs, units] in Keras."""
    return (Array("kernel", (1, 0)), *((Array("bias"),) if "bias" in op.roles else ()))


def _dense_guard(node: Node) -> Refusal | None:
    assert isinstance(node.op, Dense)
    rank = node.operands[0].type.rank
    if node.op.axis == -1 or (rank is not None and node.op.axis == rank - 1):
        return None
    return Refusal(
        f"Dense multiplies the last axis only, not all from axis {node.op.axis} on",
        "flatten the operand first",
    )


def _einsum_dense(native: Native) -> Mapping[str, Any]:
    shape = required(native, "output_shape")
    return {
        "output_shape": checked(
            "output_shape", to_shape, shape if isinstance(shape, (list, tuple)) else [shape]
        )
    }


def _put_einsum_dense(node: Node) -> Mapping[str, Attr]:
    assert isinstance(node.op, EinsumDense)
    return {"output_shape": list(node.op.output_shape)}


def _reversed(native: Native) -> Mapping[str, Any]:
    pattern: Any = native.config.get(CALL, {"args": [], "kwargs": {}})
    reverse = pattern["kwargs"].get("reverse", False)
    if set(pattern["kwargs"]) - {"reverse"} or not isinstance(reverse, bool):
        raise FieldError("", "it is called in a way that is not understood")
    return {"reverse": reverse}


def _put_reversed(node: Node) -> Mapping[str, Attr]:
    assert isinstance(node.op, ReversibleEmbedding)
    return {CALL: {"args": [operand(0)], "kwargs": {"reverse": True}}} if node.op.reverse else {}


def _reversible_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    return tuple(Array(role, (1, 0) if role == "reverse_kernel" else None) for role in op.roles)


def _put_constant(node: Node) -> Mapping[str, Attr]:
    assert isinstance(node.op, Constant)
    return {"shape": list(node.op.shape), "values": list(node.op.values), "dtype": DTYPE_NAMES[node.op.dtype]}


def _opaque_guard(node: Node) -> Refusal | None:
    assert isinstance(node.op, Opaque)
    if node.op.framework == "keras":
        return None
    return Refusal(
        f"{node.op.type} is a layer of {node.op.framework} that is not known here, so it has no counterpart"
    )


ACTIVATION_ROWS = tuple(
    KerasRow("Activation", kind, fixed={"activation": name}, get=with_fields(fields))
    for name, (kind, fields) in ACTIVATIONS.items()
)

CORE_ROWS = (
    KerasRow(
        "InputLayer",
        Input,
        links=(Link("dtype", "dtype", "float32", read_dtype, lambda value: DTYPE_NAMES[value]),),
        reads=("batch_shape", "shape", "batch_size"),
        get=_input,
        put=_put_input,
    ),
    KerasRow(
        "Dense",
        Dense,
        links=(required_link("units", "units"), Link("bias", "use_bias", True)),
        guard=_dense_guard,
        get=with_fields({"axis": -1}),
        roles=_dense_arrays,
    ),
    KerasRow(
        "Dense",
        Dense,
        links=(required_link("units", "units"), Link("bias", "use_bias", True)),
        guard=_dense_guard,
        roles=_dense_arrays,
        write_only=True,
    ),
    KerasRow(
        "EinsumDense",
        EinsumDense,
        links=(required_link("equation", "equation"), Link("bias_axes", "bias_axes", None)),
        reads=("output_shape",),
        get=_einsum_dense,
        put=_put_einsum_dense,
    ),
    KerasRow(
        "Embedding",
        Embedding,
        links=(
            required_link("count", "input_dim"),
            required_link("units", "output_dim"),
            Link("mask_zero", "mask_zero", False),
        ),
    ),
    KerasRow(
        "ReversibleEmbedding",
        ReversibleEmbedding,
        links=(
            required_link("count", "input_dim"),
            required_link("units", "output_dim"),
            Link("tied", "tie_weights", True),
            Link("mask_zero", "mask_zero", False),
            Link("cap", "logit_soft_cap", None),
        ),
        reads=(CALL,),
        get=_reversed,
        put=_put_reversed,
        roles=_reversible_arrays,
    ),
    KerasRow("Masking", Masking, links=(Link("value", "mask_value", 0.0),)),
    KerasRow("Identity", Identity),
    *ACTIVATION_ROWS,
    KerasRow(CONSTANT, Constant, put=_put_constant, write_only=True),
    KerasRow(OPAQUE, Opaque, guard=_opaque_guard, write_only=True),
)
