"""The laws of rows, for every row of Keras and generated ops: what is written reads back as the same op."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.strategies import ops
from transpiler.dialects.keras.dialect import FUNCTIONS, KERAS3, rows_reading
from transpiler.dialects.keras.dialect_keras2 import KERAS2
from transpiler.dialects.keras.spelling import CALL
from transpiler.dialects.rows import FieldError, Native, Row
from transpiler.ir import Node, Op, Origin, Value
from transpiler.ir.attributes import same

ROWS = [row for row in KERAS3.rows if not row.write_only]
WRITTEN = sorted({row.op for row in ROWS if not row.read_only}, key=lambda op: op.name)


def node_of(op: Op, operands: int) -> Node:
    values = tuple(Value(f"x{i}") for i in range(operands))
    return Node("n", op, values, tuple(Value(f"y{i}") for i in range(op.result_count)), Origin("n", ""))


@pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.name)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_written_reads_back(kind: type[Op], data: st.DataObject) -> None:
    op = data.draw(ops(kind))
    most = kind.arity.most if kind.arity.most is not None else kind.arity.least + 2
    node = node_of(op, data.draw(st.integers(kind.arity.least, most)))
    for row in KERAS3.writers(kind):
        native = row.write(node)
        if not isinstance(native, Native) or row.write_only:
            continue
        reader = next((found for found in rows_reading(native.type) if found.matches(native)), None)
        assert reader is not None, native
        assert reader.read(native) == op
        again = reader.write(node)
        assert isinstance(again, Native)
        assert same(dict(again.config), dict(native.config))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.native}-{row.op.name}")
def test_no_row_hides_another(row: Row) -> None:
    """A row that is never the first to match what itself writes would be dead."""
    others = [other for other in rows_reading(row.native) if other is row]
    assert others == [row]


@pytest.mark.parametrize("native", sorted({row.native for row in ROWS if not row.fixed}))
def test_required_fields_are_asked_for(native: str) -> None:
    """A config without any field is read by defaults, or refused by name: never a bare exception."""
    empty = Native(native, {})
    for row in rows_reading(native):
        if row.matches(empty):
            with contextlib.suppress(FieldError):
                row.read(empty)


@pytest.mark.parametrize("number", range(len(KERAS3.families)))
def test_a_family_says_exactly_which_ops_it_writes(number: int) -> None:
    """By what a family says it is loaded, or not: a word too few would hide its rows."""
    family = KERAS3.families[number]
    assert family.writes is not None
    written = {(op.__module__.rpartition(".")[2], op.__name__) for op in family.by_op}
    assert all(module in family.writes or f"{module}.{name}" in family.writes for module, name in written)
    assert family.writes <= {word for module, name in written for word in (module, f"{module}.{name}")}
    assert family.of_functions == (family in FUNCTIONS)
    if family.of_functions:
        assert all("." in row.native for row in family.load())


def test_an_op_is_written_by_the_same_rows_in_the_same_order_however_they_are_loaded() -> None:
    everything: dict[type[Op], list[Row]] = {}
    for row in KERAS3.rows:
        if not row.read_only:
            everything.setdefault(row.op, []).append(row)
    assert {op: list(KERAS3.writers(op)) for op in everything} == everything


def test_keras2_writes_only_what_it_has() -> None:
    names = {row.native for row in KERAS2.rows}
    assert {"Conv2D", "LocallyConnected2D", "MultiHeadAttention", "LSTM"} <= names
    assert not names & {"RMSNormalization", "AdaptiveMaxPooling2D", "GroupQueryAttention"}


def test_calls_are_never_kept_as_fields() -> None:
    assert all(CALL not in row.fixed for row in ROWS)
