"""Rows of Keras's pooling layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from transpiler.dialects.keras.spelling import (
    KerasRow,
    checked,
    data_format,
    padding_text,
    per_axis,
    read_padding,
    required_link,
    write_padding,
)
from transpiler.dialects.rows import Link, Native, Refusal, Row
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ops import pooling as p
from transpiler.ops.windows import Rounding

RANKS = (2, 1, 3)


def _strides(rank: int) -> Callable[[Native], Mapping[str, Any]]:
    """Strides are the pool size where the file does not say."""

    def get(native: Native) -> Mapping[str, Any]:
        strides = native.config.get("strides")
        value = native.config.get("pool_size", 2) if strides is None else strides
        return {"strides": checked("strides", per_axis(rank), value)}

    return get


def _put(node: Node) -> Mapping[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, p.Pool)
    word = write_padding(op.padding)
    if word is None:
        filling = "-inf" if isinstance(op, p.MaxPool) else "nothing"
        return Refusal(
            f"Keras pads pooling by 'same' or not at all, not {padding_text(op.padding)}",
            f"padding that counts as {filling} has to be made by other layers before it",
        )
    config: dict[str, Attr] = {} if op.strides == op.kernel else {"strides": list(op.strides)}
    return config if word == "valid" else {**config, "padding": word}


def _pool_guard(rank: int) -> Callable[[Node], Refusal | None]:
    def guard(node: Node) -> Refusal | None:
        assert isinstance(node.op, p.Pool)
        if node.op.rounding is not Rounding.FLOOR:
            return Refusal(
                "Keras leaves out a last incomplete window", "more padding at the end can make it complete"
            )
        if node.op.rank == rank:
            return None
        made = next(
            (row.write(node) for row in POOL_ROWS if row.op is type(node.op) and _fits(row, node.op)), None
        )
        return (
            made if isinstance(made, Refusal) else Refusal(f"the window has {node.op.rank} axes, not {rank}")
        )

    return guard


def _fits(row: Row, op: p.Pool) -> bool:
    return row.native.endswith(f"{op.rank}D")


def _pool(native: str, op: type[Op], rank: int) -> Row:
    return KerasRow(
        f"{native}{rank}D",
        op,
        links=(
            Link("kernel", "pool_size", [2] * rank, per_axis(rank), always=True),
            Link("padding", "padding", "valid", read_padding, lambda value: write_padding(value) or "valid"),
            data_format(),
        ),
        reads=("strides",),
        get=_strides(rank),
        put=_put,
        guard=_pool_guard(rank),
    )


POOL_ROWS = tuple(
    _pool(native, op, rank)
    for native, op in (("MaxPooling", p.MaxPool), ("AveragePooling", p.AveragePool))
    for rank in RANKS
)


def spatial_guard(rank: int) -> Callable[[Node], Refusal | None]:
    """A guard for ops that do not say how many spatial axes they have: their operand does, or their origin."""

    def guard(node: Node) -> Refusal | None:
        axes = node.operands[0].type.rank
        if axes is None:
            fits = node.origin.type.endswith(f"{rank}D") or not node.origin.type.endswith(("1D", "2D", "3D"))
            return None if fits else Refusal(f"{node.origin.type} is not for {rank} axes")
        return None if axes == rank + 2 else Refusal(f"Keras has no such layer for a tensor of {axes} axes")

    return guard


def _global(native: str, op: type[Op], rank: int) -> Row:
    return KerasRow(
        f"{native}{rank}D",
        op,
        links=(Link("keepdims", "keepdims", False), data_format()),
        guard=spatial_guard(rank),
    )


def _adaptive(native: str, op: type[Op], rank: int) -> Row:
    return KerasRow(
        f"{native}{rank}D", op, links=(required_link("size", "output_size", per_axis(rank)), data_format())
    )


POOLING_ROWS = (
    *POOL_ROWS,
    *(
        _global(native, op, rank)
        for native, op in (
            ("GlobalMaxPooling", p.GlobalMaxPool),
            ("GlobalAveragePooling", p.GlobalAveragePool),
        )
        for rank in RANKS
    ),
)

ADAPTIVE_ROWS = tuple(
    _adaptive(native, op, rank)
    for native, op in (
        ("AdaptiveMaxPooling", p.AdaptiveMaxPool),
        ("AdaptiveAveragePooling", p.AdaptiveAveragePool),
    )
    for rank in RANKS
)
