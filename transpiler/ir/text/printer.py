"""The graph as text: one line a node, with whatever is not a default behind it.

Deterministic, and exact: reading the text back gives an equal module. A result type that is wholly unknown, a node
name, a source layer and a native name that follow from the rest are left out. In a module that is marked `native`,
values are called in the source as they are here, and nodes from the source have extras of its framework, empty ones if
nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transpiler.ir.attributes import NO_EXTRAS, Extras
from transpiler.ir.graph import Graph, Module, Node, Value
from transpiler.ir.parameters import Flip, ParamUse, Permute, Regroup, Relayout, Reshape, Take
from transpiler.ir.rewriting import result_names
from transpiler.ir.text import data
from transpiler.ir.types import UNKNOWN

_INDENT = "  "
_CONTINUED = "      "


def print_module(module: Module) -> str:
    """The text of a module, ending in a newline."""
    named = any(value.native is not None for graph in module.graphs.values() for value in graph.values())
    native = module.framework if named else None
    head = f"module {data.quoted(module.name)} from {data.name(module.framework)}"
    lines = [f"{head}{' native' if named else ''} {{"]
    if module.extras != default_extras(native):
        lines.append(_extras(module.extras))
    for phase, graph in module.graphs.items():
        lines.extend(_graph(graph, phase, native))
    return "\n".join([*lines, "}", ""])


def print_graph(graph: Graph, phase: str = "") -> str:
    """The text of one graph, ending in a newline; native names are written out."""
    return "\n".join([*_graph(graph, phase, None), ""])


def default_extras(native: str | None) -> Extras:
    """What a node from the source has as extras if none are written; `native`: the framework of a native module."""
    return NO_EXTRAS if native is None else {native: {}}


def print_node(node: Node, *, native: str | None = None) -> str:
    """The line of one node, and the lines of its parameters and extras. `native`: the framework of a native module."""
    results = ", ".join(data.value(value.name) for value in node.results)
    operands = ", ".join(data.value(value.name) for value in node.operands)
    fields = data.fields(node.op)
    head = f"{results} = " if results else ""
    line = f"{head}{data.name(node.op.name)}({operands}){' ' if fields else ''}{fields}{_types(node.results)}"
    lines = [line + "".join(f" {clause}" for clause in _clauses(node, native))]
    if node.params:
        uses = ", ".join(_use(node, use) for use in node.params)
        lines.append(f"{_CONTINUED}params {{{uses}}}")
    if node.extras != default_extras(native if _has_origin(node) else None):
        lines.append(f"{_CONTINUED}{_extras(node.extras)}")
    return "\n".join(lines)


def _graph(graph: Graph, phase: str, native: str | None) -> Iterator[str]:
    yield f"graph {data.name(phase) + ' ' if phase else ''}{data.quoted(graph.name)} {{"
    if graph.extras:
        yield _INDENT + _extras(graph.extras)
    for node in graph.nodes:
        yield _INDENT + print_node(node, native=native)
    yield f"{_INDENT}return {', '.join(data.value(value.name) for value in graph.outputs)}".rstrip()
    yield "}"


def _types(results: Sequence[Value]) -> str:
    if all(value.type == UNKNOWN for value in results):
        return ""
    return f" : {', '.join(str(value.type) for value in results)}"


def _clauses(node: Node, native: str | None) -> Iterator[str]:
    if (
        tuple(value.name for value in node.results) != result_names(node.name, len(node.results))
        or not node.results
    ):
        yield f"as {data.name(node.name)}"
    if _has_origin(node):
        layer = "" if node.origin.layer == node.name else f" of {data.name(node.origin.layer)}"
        yield f"from {data.name(node.origin.type)}{layer}"
    if node.scope:
        yield f"in {data.name(node.scope)}"
    if any(value.native != (None if native is None else value.name) for value in node.results):
        yield f"native {', '.join('-' if v.native is None else data.name(v.native) for v in node.results)}"


def _has_origin(node: Node) -> bool:
    """Whether the source layer is another than the node itself would suggest."""
    return (node.origin.layer, node.origin.type) != (node.name, node.op.name)


def _use(node: Node, use: ParamUse) -> str:
    parts = []
    if use.symbol != f"{node.name}/{use.role}" or use.constant is None:
        parts.append(data.array(use.symbol))
    parts.extend(f"| {_step(step)}" for step in use.relayouts)
    if use.constant is not None:
        parts.append(f"constant {data.datum(use.constant.value)}")
    return f"{data.name(use.role)} = {' '.join(parts)}"


def _step(step: Relayout) -> str:
    match step:
        case Reshape(shape):
            return f"reshape {data.datum(shape)}"
        case Permute(axes):
            return f"permute {data.datum(axes)}"
        case Flip(axes):
            return f"flip {data.datum(axes)}"
        case Regroup(axis, blocks):
            return f"regroup {data.datum((axis, *blocks))}"
        case Take(axis, start, stop):
            return f"take {data.datum((axis, start, stop))}"


def _extras(extras: object) -> str:
    return f"extras {data.datum(extras)}"
