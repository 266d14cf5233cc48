"""Shapes are inferred for everything that can be; what makes no sense is reported, all of it, and the rest goes on."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import ClassVar

from tests.passes.pictures import graph, lines, picture
from transpiler.diagnostics import Diagnostic, Sink
from transpiler.ir import Graph, Op, Origin, TensorType
from transpiler.ir.op import op
from transpiler.ir.rewriting import GraphBuilder
from transpiler.ir.verifier import verify
from transpiler.ops import fields as f
from transpiler.ops.core import Input
from transpiler.parsers import irtext as parser
from transpiler.passes.bind_inputs import bind_inputs, check_names
from transpiler.passes.infer_shapes import infer_shapes
from transpiler.passes.lower import irtext
from transpiler.passes.manager import Context


def _untyped(body: str) -> Graph:
    text = 'module "m" from test {\ngraph "g" {\n' + textwrap.dedent(body).strip() + "\n}\n}\n"
    sink = Sink()
    module = irtext.lower(parser.parse(text), "m", sink)
    sink.raise_if_errors()
    return module.graph("")


def _inferred(body: str, **wishes: object) -> tuple[Graph, list[Diagnostic]]:
    context = Context(Sink(), **wishes)  # type: ignore[arg-type]  # the names are Context's own
    found = infer_shapes(bind_inputs(_untyped(body), context), context)
    return found, list(context.sink.diagnostics)


CONV = """
    %x = input() {shape = [1, 3, 8, 8]}
    %c = conv(%x) {filters = 4, kernel = [3, 3], strides = [1, 1], dilations = [1, 1]}
    return %c
"""


def test_every_value_gets_a_type() -> None:
    found, said = _inferred(CONV)
    assert said == []
    verify(found, shaped=True)
    assert found.outputs[0].type.shape == (1, 4, 6, 6)


def test_a_typed_graph_is_the_same_object() -> None:
    found, _ = _inferred(CONV)
    assert infer_shapes(found, Context(Sink())) is found


def test_several_faults_are_reported_and_the_rest_goes_on() -> None:
    found, said = _inferred("""
        %x = input() {shape = [1, 3, 8, 8]}
        %a = conv(%x) {filters = 4, kernel = [9, 9], strides = [1, 1], dilations = [1, 1]}
        %b = relu(%a)
        %c = transpose(%x) {axes = [1, 0]}
        %d = flatten(%x)
        return %b, %c, %d
    """)
    assert [one.code for one in said] == ["T4001", "T4001"]
    assert "window of 9" in said[0].message
    assert "`a`" in said[0].message
    assert [value.type.shape for value in found.outputs] == [None, None, (1, 192)]


def test_batch_and_input_shapes_are_bound() -> None:
    found, said = _inferred(CONV, input_shapes={"x": (1, 3, 10, 10)}, batch=5)
    assert said == []
    assert found.outputs[0].type.shape == (5, 4, 8, 8)


def test_another_number_of_channels_is_noted() -> None:
    _, said = _inferred(CONV, input_shapes={"x": (1, 1, 8, 8)})
    assert [one.code for one in said] == ["T4003"]


def test_an_unknown_input_name_is_an_error_with_the_names_there_are() -> None:
    context = Context(Sink(), input_shapes={"dta": (1,), "x": (1, 3, 8, 8)})
    check_names([_untyped(CONV.replace("%x", "%data"))], context)
    first, second = context.sink.diagnostics
    assert (first.code, second.code) == ("T4002", "T4002")
    assert first.notes == ("The inputs are `data`.",)
    assert first.help == "did you mean `data`?"


@op("probe", "Test")
class Probe(Op):
    """x; remembers how often it was asked."""

    asked: ClassVar[int] = 0
    number: int = f.integer("tells it from others")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        Probe.asked += 1
        return (operands[0],)


def chain(ops: Sequence[Op]) -> Graph:
    builder = GraphBuilder()
    value = builder.add(Input(shape=(1, 3)), name="x", origin=Origin("x", "input"), infer=False).result
    for i, step in enumerate(ops):
        value = builder.add(step, (value,), name=f"p{i}", origin=Origin("p", "probe"), infer=False).result
    return Graph("", tuple(builder.nodes), (value,))


def test_time_is_linear() -> None:
    Probe.asked = 0
    found = infer_shapes(chain([Probe(number=i) for i in range(1000)]), Context(Sink()))
    assert found.outputs[0].type.shape == (1, 3)
    assert Probe.asked == 1000


def test_equal_ops_on_equal_types_are_asked_once() -> None:
    Probe.asked = 0
    infer_shapes(chain([Probe(number=-1) for _ in range(10)]), Context(Sink()))
    assert Probe.asked <= 1


def test_unknown_sizes_stay_unknown() -> None:
    found = graph("""
        %x = input() {shape = [none, 3, none, 8]}
        %c = conv(%x) {filters = 4, kernel = [3, 3], strides = [1, 1], dilations = [1, 1]}
        return %c
    """)
    assert lines(found).splitlines()[-2:] == picture(lines(found)).splitlines()[-2:]
    assert found.outputs[0].type.shape == (None, 4, None, 6)
