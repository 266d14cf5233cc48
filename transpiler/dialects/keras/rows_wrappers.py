"""Rows of Keras's wrappers: layers with a layer inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from transpiler.dialects.keras.inner import inner_arrays, read_inner, write_inner
from transpiler.dialects.keras.rows_recurrent import call_on_states, states_call
from transpiler.dialects.keras.spelling import CALL, KerasRow, required
from transpiler.dialects.rows import Array, FieldError, Link, Native, Refusal
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ops.recurrent import OverTime
from transpiler.ops.wrappers import Bidirectional, Merge, SpectralNorm, TimeDistributed


def _inner(native: Native) -> Mapping[str, Any]:
    return {"inner": read_inner(required(native, "layer"), "layer")}


def _put_inner(node: Node) -> Mapping[str, Attr] | Refusal:
    assert isinstance(node.op, (TimeDistributed, SpectralNorm))
    types = tuple(value.type for value in node.operands)
    if isinstance(node.op, TimeDistributed):
        types = tuple(t if t.shape is None else t.with_shape((t.shape[0], *t.shape[2:])) for t in types)
        if len(types) > 1:
            return Refusal("Keras distributes over time what has one operand only")
    made = write_inner(node.op.inner, types)
    return made if isinstance(made, Refusal) else {"layer": made}


def _arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    assert isinstance(op, (TimeDistributed, SpectralNorm))
    inner = inner_arrays(op.inner)
    return (inner[0], Array("vector_u"), *inner[1:]) if isinstance(op, SpectralNorm) else inner


_MERGES = {"concat": Merge.CONCAT, "sum": Merge.SUM, "mul": Merge.MUL, "ave": Merge.AVE, None: Merge.NONE}


def _read_merge(value: Any) -> Merge:
    if value not in _MERGES:
        raise ValueError(f"merge_mode is {value!r}, which is none of concat, sum, mul, ave and none")
    return _MERGES[value]


def _reversed(layer: Any) -> dict[str, Any]:
    """The layer that Keras makes of the forward one when the file gives no backward one."""
    config = dict(layer["config"])
    config["go_backwards"] = not config.get("go_backwards", False)
    return {**layer, "config": config}


def _bidirectional(native: Native) -> Mapping[str, Any]:
    if call_on_states(native):
        raise FieldError("", "a mask in the call of a Bidirectional is not understood")
    forward = required(native, "layer")
    backward = native.config.get("backward_layer")
    ahead = read_inner(forward, "layer")
    back = (
        read_inner(_reversed(forward), "layer")
        if backward is None
        else read_inner(backward, "backward_layer")
    )
    return {"forward": _zeroing(ahead), "backward": _zeroing(back)}


def _zeroing(op: Op) -> Op:
    """Inside a Bidirectional, masked steps of whole sequences give 0, whatever the layer says."""
    if not hasattr(op, "zero_output_for_mask") or not isinstance(op, OverTime):
        return op
    return op.evolve(zero_output_for_mask=op.return_sequences)


def _said(layer: dict[str, Attr]) -> dict[str, Attr]:
    """An inner layer without what Bidirectional sets by itself."""
    config: Any = layer["config"]
    return {**layer, "config": {key: value for key, value in config.items() if key != "zero_output_for_mask"}}


def _put_bidirectional(node: Node) -> Mapping[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, Bidirectional)
    ahead, back = write_inner(op.forward), write_inner(op.backward)
    if isinstance(ahead, Refusal):
        return ahead
    if isinstance(back, Refusal):
        return back
    call = states_call(len(node.operands), masked=False)
    implied = _zeroing(read_inner(_reversed(ahead), "layer")) == op.backward
    implied = implied and "backward_layer" not in node.native("keras")
    both: dict[str, Attr] = {"layer": _said(ahead), **({} if implied else {"backward_layer": _said(back)})}
    return {**both, **call}


def _bidirectional_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    assert isinstance(op, Bidirectional)
    return (*inner_arrays(op.forward, "forward_"), *inner_arrays(op.backward, "backward_"))


def _has_op_inside(key: str) -> Callable[[Native], bool]:
    """Whether the layer inside is one that rows read: nested models and unknown layers are not."""

    def when(native: Native) -> bool:
        value: Any = native.config.get(key)
        if not isinstance(value, Mapping) or "class_name" not in value or value.get("model"):
            return False
        try:
            read_inner(value, key)
        except FieldError as error:
            return error.field != key or "not understood" not in str(error)
        return True

    return when


WRAPPER_ROWS = (
    KerasRow(
        "TimeDistributed",
        TimeDistributed,
        reads=("layer",),
        get=_inner,
        put=_put_inner,
        roles=_arrays,
        when=_has_op_inside("layer"),
    ),
    KerasRow(
        "Bidirectional",
        Bidirectional,
        links=(
            Link(
                "merge", "merge_mode", "concat", _read_merge, lambda v: None if v is Merge.NONE else v.value
            ),
        ),
        reads=("layer", "backward_layer", CALL, "weights"),
        get=_bidirectional,
        put=_put_bidirectional,
        roles=_bidirectional_arrays,
        when=_has_op_inside("layer"),
    ),
)

SPECTRAL_ROWS = (
    KerasRow(
        "SpectralNormalization",
        SpectralNorm,
        links=(Link("iterations", "power_iterations", 1),),
        reads=("layer",),
        get=_inner,
        put=_put_inner,
        roles=_arrays,
        when=_has_op_inside("layer"),
    ),
)
