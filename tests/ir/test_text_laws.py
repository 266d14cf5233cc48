"""Reading what was printed gives the same graph; printing what was read gives the same text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import modules, nodes, op_classes
from transpiler.diagnostics import Sink, Source, render_text
from transpiler.ir import Graph, Module, Node, Op, Origin, Value
from transpiler.ir.equality import difference
from transpiler.ir.text.printer import print_module
from transpiler.ops.core import Input
from transpiler.parsers import irtext
from transpiler.passes.lower.irtext import lower


def read(text: str) -> Module:
    sink = Sink()
    module = lower(irtext.parse(text), "test", sink)
    assert not sink.diagnostics, render_text(sink.diagnostics) + text
    return module


def in_a_module(node: Node) -> Module:
    inputs = [Node(value.name, Input(), (), (value,), Origin(value.name, "input")) for value in node.operands]
    return Module("m", "f", {"": Graph("g", (*inputs, node), node.results)})


@pytest.mark.parametrize("kind", op_classes(), ids=lambda kind: kind.name)
@given(data=st.data())
@settings(max_examples=10)
def test_every_op_survives_the_text_form(kind: type[Op], data: st.DataObject) -> None:
    module = in_a_module(data.draw(nodes(kind)))
    text = print_module(module)
    back = read(text)
    assert difference(module, back) is None
    assert print_module(back) == text


@given(modules())
@settings(max_examples=60)
def test_modules_survive_the_text_form(module: Module) -> None:
    text = print_module(module)
    back = read(text)
    assert difference(module, back) is None
    assert print_module(back) == text


@given(modules(), st.data())
@settings(max_examples=100)
def test_mutated_text_is_read_or_reported(module: Module, data: st.DataObject) -> None:
    text = print_module(module)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 5, len(text))))
    mutated = text[:start] + data.draw(st.text('%@"`{}[](),:=|?*-#\\ \n09azno.', max_size=3)) + text[end:]
    sink = Sink()
    tree = irtext.parse_source(Source("mutated", mutated), sink)
    back = lower(tree, "test", sink)
    if not sink.has_errors:
        assert difference(read(print_module(back)), back) is None
    assert all(diagnostic.span is not None for diagnostic in sink.diagnostics)


def test_values_are_told_apart_by_type() -> None:
    module = Module("m", "f", {"": Graph("g", (), ())}, {"f": {"a": [1, 1.0, True, "1", None, -0.0]}})
    assert 'extras {f = {a = [1, 1.0, true, "1", none, -0.0]}}' in print_module(module)
    assert difference(read(print_module(module)), module) is None


def test_value_without_types_is_unknown() -> None:
    graph = read("%x = input()\n%y = relu(%x)\nreturn %y").graph("")
    assert [value.type for value in graph.values()] == [Value("x").type] * 2
