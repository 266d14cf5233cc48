"""Attention with several heads, put together from its projections, its scores and what they mix.

Source: `_build_from_signature` and `_compute_attention` of Keras's MultiHeadAttention, over one axis and without masks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from transpiler.ir import Node, ParamUse, Value
from transpiler.ops.activation import Affine, Softmax
from transpiler.ops.attention import MultiHeadAttention
from transpiler.ops.einsum import Einsum, EinsumDense, to_equation
from transpiler.ops.regularization import Dropout
from transpiler.passes.raise_layers.engine import Any, Either, Found, Make, Pattern, layer_name, replace

Built = Sequence[Value] | None
_TOLERANCE = 1e-6
_OUTPUT = "/attention_output"
"""The scope that Keras opens for the last projection."""


def _spelled(equation: str) -> tuple[tuple[int, ...], ...]:
    """An equation's operands and output, with numbers for its indices in the order of their appearance."""
    made = to_equation(equation)
    numbers: dict[str, int] = {}
    return tuple(
        tuple(numbers.setdefault(label, len(numbers)) for label in labels)
        for labels in (*made.inputs, made.output)
    )


_PROJECTS, _JOINS = _spelled("abc,cde->abde"), _spelled("abcd,cde->abe")
_SCORES, _MIXES = _spelled("aecd,abcd->acbe"), _spelled("acbe,aecd->abcd")


def _projects(op: EinsumDense) -> bool:
    return _spelled(op.equation) == _PROJECTS and op.bias_axes in (None, to_equation(op.equation).output[-2:])


def _joins(op: EinsumDense) -> bool:
    return _spelled(op.equation) == _JOINS and op.bias_axes in (None, to_equation(op.equation).output[-1:])


def _scores(op: Einsum) -> bool:
    return _spelled(op.equation) == _SCORES


def _mixes(op: Einsum) -> bool:
    return _spelled(op.equation) == _MIXES


def _attention(found: Found) -> Built:
    """Obligations: the factor is one over the root of a key's size, and all projections have biases or none has."""
    nodes = {part: found.nodes[part] for part in ("query", "key", "value")} | {"output": found.node}
    products = [
        node.op for node in nodes.values() if isinstance(node.op, EinsumDense)
    ]  # as the pattern has it: all
    biased = {product.bias_axes is not None for product in products}
    query, key, value = map(_sizes, products[:3])
    (features,) = products[3].output_shape[1:]
    if len(biased) > 1 or query is None or query != key or value is None or features is None:
        return None
    if abs(found.op("scaled").scale * math.sqrt(query[1]) - 1) > _TOLERANCE:
        return None
    keyed = found["k"] is not found["v"]
    width = (found.shape("q") or (None,))[-1]
    op = MultiHeadAttention(
        heads=query[0],
        key_size=query[1],
        value_size=None if value[1] == query[1] else value[1],
        output_shape=None if features == width else (features,),
        axes=(1,),
        dropout=found.op("dropout").rate if "dropout" in found.nodes else 0.0,
        bias=biased == {True},
        keyed=keyed,
    )
    operands = (found["q"], found["v"], *((found["k"],) if keyed else ()))
    name = layer_name(found.node.name).removesuffix(_OUTPUT)
    return replace(found, op, *operands, params=_uses(nodes), name=name)


def _sizes(projection: EinsumDense) -> tuple[int, int] | None:
    """Heads, and the size of each."""
    heads, size = projection.output_shape[-2:]
    return None if heads is None or size is None else (heads, size)


def _uses(nodes: dict[str, Node]) -> list[ParamUse]:
    return [
        msgspec.structs.replace(use, role=f"{part}_{use.role}")
        for part, node in nodes.items()
        for use in node.params
    ]


def _projection(name: str, x: str) -> Make:
    return Make(EinsumDense, (Any(x),), name=name, when=_projects)


_SCALED = Make(Affine, (_projection("query", "q"),), name="scaled", when=lambda op: op.shift == 0.0)
_SOFTMAX = Make(
    Softmax,
    (Make(Einsum, (_projection("key", "k"), _SCALED), when=_scores),),
    when=lambda op: op.axis in (-1, 3),
)
_KEPT = Either((_SOFTMAX, Make(Dropout, (_SOFTMAX,), name="dropout", when=lambda op: not op.noise_shape)))

PATTERNS = (
    Pattern(
        "attention with several heads",
        Make(
            EinsumDense,
            (Make(Einsum, (_KEPT, _projection("value", "v")), when=_mixes),),
            when=_joins,
        ),
        _attention,
    ),
)
