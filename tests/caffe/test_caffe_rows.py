"""The laws of Caffe's rows: what a row writes, it reads back as the same op; so do the emitter and the lowering."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from tests.caffe.nets import module_of, written
from tests.strategies import nodes
from transpiler.dialects.caffe.dialect import CAFFE
from transpiler.dialects.caffe.fields import shortest
from transpiler.dialects.caffe.rows_data import DATA_SHAPES
from transpiler.dialects.rows import Native, Row
from transpiler.ir import Graph, Module, Node, Op, Origin, Value
from transpiler.ir.op import fields_of
from transpiler.ops.core import Input, Opaque
from transpiler.ops.loss import Loss

NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False).map(shortest)
LAW_ROWS = [row for row in CAFFE.rows if not row.write_only and row.native not in DATA_SHAPES]


def _row_id(row: Row) -> str:
    return f"{row.native}-{row.op.name}"


def _as_read(node: Node, row: Row) -> Node:
    """The node as if it came from a Caffe file, so that rows of forks write it too."""
    return msgspec.structs.replace(node, origin=Origin("node", row.native), extras={"caffe": {}})


@pytest.mark.parametrize("row", LAW_ROWS, ids=_row_id)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_reads_what_it_writes(row: Row, data: st.DataObject) -> None:
    node = _as_read(data.draw(nodes(row.op, numbers=NUMBERS)), row)
    native = row.write(node)
    if isinstance(native, Native):
        assert row.read(native) == node.op
        assert CAFFE.read(native)[1] == node.op


def _module(node: Node) -> Module:
    """A net of one layer whose bottoms are inputs without shapes."""
    sources = [
        Node(
            value.name,
            Input(),
            (),
            (msgspec.structs.replace(value, native=value.name),),
            Origin(value.name, "Input"),
        )
        for value in node.operands
    ]
    operands = tuple(source.result for source in sources)
    results = tuple(msgspec.structs.replace(value, native=value.name) for value in node.results)
    placed = msgspec.structs.replace(node, operands=operands, results=results)
    return Module("net", "caffe", {"": Graph("", (*sources, placed), results)})


@pytest.mark.parametrize("row", LAW_ROWS, ids=_row_id)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_lowering_reads_what_the_emitter_writes(row: Row, data: st.DataObject) -> None:
    node = _as_read(data.draw(nodes(row.op, numbers=NUMBERS)), row)
    if isinstance(node.op, Input) or "rank" in getattr(row.write(node), "config", {}):
        return  # an input is tested on its own; another rank than 4 is known from the bottom, which has none here
    if not isinstance(row.write(node), Native) or (isinstance(node.op, Loss) and not node.results):
        return  # a loss without tops gets one, so no text says one without
    again = module_of(written(_module(node))).graph("").nodes[-1]
    assert again.op == _in_float32(node.op)
    assert again.origin.type == row.native


def _in_float32(op: Op) -> Op:
    """The op with its numbers as Caffe has them."""
    values = {field.name: getattr(op, field.name) for field in fields_of(op)}
    return op.evolve(**{name: shortest(value) for name, value in values.items() if isinstance(value, float)})


@pytest.mark.parametrize("row", [row for row in LAW_ROWS if row.native != "ReLU6"], ids=_row_id)
def test_some_op_is_written(row: Row) -> None:
    """The laws above are not kept by refusing everything."""
    effort = settings(
        max_examples=3000,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    find(
        nodes(row.op, numbers=NUMBERS),
        lambda node: isinstance(row.write(_as_read(node, row)), Native),
        settings=effort,
        random=random.Random(3),
    )


def test_a_layer_of_a_fork_is_not_written_for_others() -> None:
    for row in LAW_ROWS:
        if row.native in ("Permute", "ReLU6", "Normalize", "BN", "ShuffleChannel", "Axpy", "Interp", "Reorg"):
            assert row.guard is not None
            operands = tuple(Value(name) for name in "abc")
            node = Node("n", _example(row), operands, (Value("n"),), Origin("n", row.native))
            assert not isinstance(row.write(node), Native)


def _example(row: Row) -> Opaque:
    return Opaque(framework="keras", type=row.native)
