"""Rows of Keras's attention layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transpiler.dialects.keras.calls import is_operand, operand
from transpiler.dialects.keras.spelling import CALL, KerasRow, required_link
from transpiler.dialects.rows import FieldError, Link, Native, Refusal
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ops import attention as a
from transpiler.ops.fields import to_int

_MULTI_HEAD_MASKS = ("query_mask", "value_mask", "key_mask", "attention_mask")


def _pattern(native: Native) -> Mapping[str, Any]:
    pattern: Any = native.config.get(CALL)
    return (
        {"args": [[operand(i) for i in range(native.operands)]], "kwargs": {}} if pattern is None else pattern
    )


def _switches(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The constants of the call that change the result."""
    causal, scores = kwargs.pop("use_causal_mask", False), kwargs.pop("return_attention_scores", False)
    if not isinstance(causal, bool) or not isinstance(scores, bool):
        raise FieldError("", "use_causal_mask and return_attention_scores must be true or false")
    return {"causal": causal, "scores": scores}


def _listed(native: Native) -> Mapping[str, Any]:
    """A call on [query, value] or [query, value, key], perhaps with a list of masks."""
    pattern = _pattern(native)
    kwargs = dict(pattern["kwargs"])
    made = _switches(kwargs)
    masks = kwargs.pop("mask", None)
    names = ("query", "value")
    given = masks if isinstance(masks, list) else [None, None]
    tensors = pattern["args"][0] if pattern["args"] else None
    if (
        kwargs
        or not isinstance(tensors, list)
        or not all(map(is_operand, tensors))
        or len(tensors) not in (2, 3)
    ):
        raise FieldError("", "it is called in a way that is not understood")
    found = tuple(name for name, mask in zip(names, given, strict=False) if mask is not None)
    return {**made, "keyed": len(tensors) == 3, "masks": found}


def _put_listed(node: Node) -> Mapping[str, Attr]:
    op = node.op
    assert isinstance(op, a.Single)
    tensors: list[Attr] = [operand(i) for i in range(2 + op.keyed)]
    kwargs: dict[str, Attr] = {}
    if op.masks:
        numbers = {name: operand(2 + op.keyed + i) for i, name in enumerate(op.masks)}
        kwargs["mask"] = [numbers.get("query"), numbers.get("value")]
    return _call([tensors], {**kwargs, **_constants(op)})


def _constants(op: Op) -> dict[str, Attr]:
    pairs = (("return_attention_scores", "scores"), ("use_causal_mask", "causal"))
    return {key: True for key, field in pairs if getattr(op, field)}


def _call(args: list[Attr], kwargs: dict[str, Attr]) -> Mapping[str, Attr]:
    plain = not kwargs and len(args) == 1
    return {} if plain else {CALL: {"args": args, "kwargs": kwargs}}


def _named(native: Native) -> Mapping[str, Any]:
    """A call on query, value, perhaps key, perhaps masks, each by its name."""
    pattern = _pattern(native)
    kwargs = dict(pattern["kwargs"])
    made = _switches(kwargs)
    tensors = {"query": pattern["args"][0] if pattern["args"] else None, **kwargs}
    known = ("query", "value", "key", *_MULTI_HEAD_MASKS)
    numbers = [tensors[name].get("operand") for name in known if is_operand(tensors.get(name))]
    if set(tensors) - set(known) or not is_operand(tensors.get("value")) or len(numbers) != len(tensors):
        raise FieldError("", "it is called in a way that is not understood")
    order = [
        "query",
        "value",
        *(["key"] if "key" in tensors else []),
        *(n for n in _MULTI_HEAD_MASKS if n in tensors),
    ]
    if [tensors[name]["operand"] for name in order] != list(range(len(order))):
        raise FieldError("", "it is called with its arguments in an order that is not understood")
    return {**made, "keyed": "key" in tensors, "masks": tuple(n for n in _MULTI_HEAD_MASKS if n in tensors)}


def _put_named(node: Node) -> Mapping[str, Attr]:
    op = node.op
    assert isinstance(op, a.Projected)
    names = ["value", *(["key"] if op.keyed else []), *op.masks]
    kwargs: dict[str, Attr] = {name: operand(i + 1) for i, name in enumerate(names)}
    return {CALL: {"args": [operand(0)], "kwargs": {**kwargs, **_constants(op)}}}


def _integers_or_none(value: Any) -> Any:
    if value is None:
        return None
    return tuple(to_int(v) for v in value) if isinstance(value, (list, tuple)) else (to_int(value),)


def _read_value_size(value: Any) -> Any:
    return None if value is None else to_int(value)


def _multi_head(native: Native) -> Mapping[str, Any]:
    """Keras writes the value size even where it is the key size."""
    value, key = native.config.get("value_dim"), native.config.get("key_dim")
    return {**_named(native), "value_size": None if value == key else _read_value_size(value)}


def _put_multi_head(node: Node) -> Mapping[str, Attr] | Refusal:
    assert isinstance(node.op, a.MultiHeadAttention)
    size = node.op.value_size
    return {**_put_named(node), **({} if size is None else {"value_dim": size})}


_DROPOUT = Link("dropout", "dropout", 0.0)

ATTENTION_ROWS = (
    KerasRow(
        "Attention",
        a.Attention,
        links=(
            Link("scale", "use_scale", False),
            Link("score", "score_mode", "dot", None, lambda value: value.value),
            _DROPOUT,
        ),
        reads=(CALL,),
        get=_listed,
        put=_put_listed,
    ),
    KerasRow(
        "AdditiveAttention",
        a.AdditiveAttention,
        links=(Link("scale", "use_scale", True), _DROPOUT),
        reads=(CALL,),
        get=_listed,
        put=_put_listed,
    ),
    KerasRow(
        "MultiHeadAttention",
        a.MultiHeadAttention,
        links=(
            required_link("heads", "num_heads"),
            required_link("key_size", "key_dim"),
            Link("output_shape", "output_shape", None, _integers_or_none),
            Link("axes", "attention_axes", None, _integers_or_none),
            _DROPOUT,
            Link("bias", "use_bias", True),
            Link("gate", "use_gate", False),
            Link("window", "sliding_window", None),
        ),
        reads=(CALL, "value_dim"),
        get=_multi_head,
        put=_put_multi_head,
    ),
)

GROUP_QUERY_ROWS = (
    KerasRow(
        "GroupQueryAttention",
        a.GroupQueryAttention,
        links=(
            required_link("size", "head_dim"),
            required_link("heads", "num_query_heads"),
            required_link("shared_heads", "num_key_value_heads"),
            _DROPOUT,
            Link("bias", "use_bias", True),
            Link("gate", "use_gate", False),
            Link("window", "sliding_window", None),
        ),
        reads=(CALL,),
        get=_named,
        put=_put_named,
    ),
)
