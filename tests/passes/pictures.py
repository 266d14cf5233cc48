"""Pass tests as pictures: a graph before, the graph after, both as IR text."""

from __future__ import annotations

import re
import textwrap

from transpiler.diagnostics import Diagnostic, Sink
from transpiler.ir import Graph
from transpiler.ir.text.printer import print_node
from transpiler.ir.verifier import verify
from transpiler.parsers import irtext as parser
from transpiler.passes.infer_shapes import INFER_SHAPES
from transpiler.passes.lower import irtext
from transpiler.passes.manager import SHAPED, Context, Pass, run

_ORIGIN = re.compile(r" from [^\s]+( of (\"[^\"]*\"|[^\s]+))?( native [^\n]*)?")


def graph(body: str) -> Graph:
    """The graph of node lines (and a `return` line), its types inferred."""
    text = 'module "m" from test {\ngraph "g" {\n' + textwrap.dedent(body).strip() + "\n}\n}\n"
    sink = Sink()
    module = irtext.lower(parser.parse(text), "m", sink)
    sink.raise_if_errors()
    shaped = INFER_SHAPES.run(module.graph(""), Context(sink))
    sink.raise_if_errors()
    return shaped


def lines(found: Graph) -> str:
    """Node lines and the outputs, without where the nodes come from."""
    nodes = [_ORIGIN.sub("", print_node(node)).replace("\n     ", "") for node in found.nodes]
    return "\n".join([*nodes, "return " + ", ".join(f"%{value.name}" for value in found.outputs)])


def after(step: Pass, body: str, **wishes: object) -> str:
    """What the pass makes of a graph, as node lines. The result is verified, and a second run must change nothing."""
    context = Context(Sink(), **wishes)  # type: ignore[arg-type]  # the names are Context's own
    given = frozenset({SHAPED}) | step.requires
    changed = run(graph(body), (step,), context, given=given)
    context.sink.raise_if_errors()
    verify(changed, shaped=True)
    assert step.run(changed, context) is changed, f"{step.name} changes its own result"
    return lines(changed)


def refusals(step: Pass, body: str) -> list[Diagnostic]:
    """What the pass says of a graph it cannot change exactly."""
    context = Context(Sink())
    run(graph(body), (step,), context, given=frozenset({SHAPED}) | step.requires)
    return list(context.sink.diagnostics)


def picture(text: str) -> str:
    """An expected graph, as `after` gives it."""
    return textwrap.dedent(text).strip()
