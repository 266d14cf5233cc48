"""What tests of Keras share: reading JSON into graphs, shapes and parameters of a graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from transpiler.diagnostics import Severity, Sink
from transpiler.dialects.keras.dialect import KERAS3, spell_as_written
from transpiler.dialects.rows import Array, Refusal
from transpiler.emitters.keras import write
from transpiler.ir import Graph, Module, Node, Shape, TensorType, Value
from transpiler.ops.core import Opaque
from transpiler.parsers.json import parse
from transpiler.passes.lower.keras import lower

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "keras"
ORACLE = Path(__file__).parents[3] / "shared" / "oracle"


def read(text: str, name: str = "model.json") -> tuple[Module, Sink]:
    """The module of a JSON text; the test fails if the text is found wrong."""
    sink = Sink()
    module = lower(parse(text, name), name, sink)
    wrong = [item.message for item in sink.diagnostics if item.severity is Severity.ERROR]
    assert not wrong, wrong
    return module, sink


def warnings(sink: Sink) -> list[str]:
    return [item.message for item in sink.diagnostics if item.severity is Severity.WARNING]


def typed(graph: Graph) -> Graph:
    """The graph with every value's type as its op infers it."""
    now: dict[Value, Value] = {}
    nodes = []
    for node in graph.nodes:
        operands = tuple(now[value] for value in node.operands)
        types = node.op.infer([value.type for value in operands])
        results = tuple(msgspec.structs.replace(v, type=t) for v, t in zip(node.results, types, strict=True))
        now.update(zip(node.results, results, strict=True))
        nodes.append(msgspec.structs.replace(node, operands=operands, results=results))
    return msgspec.structs.replace(
        graph, nodes=tuple(nodes), outputs=tuple(now[value] for value in graph.outputs)
    )


def typed_module(module: Module) -> Module:
    return module.map({phase: typed(graph) for phase, graph in module.graphs.items()})


def parameters(node: Node) -> dict[str, Shape]:
    """Canonical shapes of a typed node's parameters by symbol."""
    specs = node.op.params([value.type for value in node.operands])
    assert tuple(specs) == node.op.roles, f"{node.name}: roles {node.op.roles}, parameters {tuple(specs)}"
    return {node.param(role).symbol: spec.shape for role, spec in specs.items()}


def total(graph: Graph) -> int | None:
    """How many numbers all parameters of a typed graph have; shared ones count once."""
    shapes = {symbol: shape for node in graph.nodes for symbol, shape in parameters(node).items()}
    if any(None in shape for shape in shapes.values()):
        return None
    return sum(math.prod(n for n in shape if n is not None) for shape in shapes.values())


def native_shapes(node: Node) -> list[Shape]:
    """Shapes of a node's parameters as Keras lays them out, in Keras's order."""
    if isinstance(node.op, Opaque) or not node.op.roles:
        return []
    spelled = spell_as_written(KERAS3, node)
    assert not isinstance(spelled, Refusal), spelled
    row, native = spelled
    specs = node.op.params([value.type for value in node.operands])
    return [native_shape(specs[array.role].shape, array) for array in row.arrays(node.op, native.config)]


def native_shape(shape: Shape, array: Array) -> Shape:
    if array.shape is not None:
        known = math.prod(n for n in array.shape if n != -1)
        whole = math.prod(n or 0 for n in shape)
        shape = tuple(whole // known if n == -1 else n for n in array.shape)
    return shape if array.axes is None else tuple(shape[axis] for axis in array.axes)


def written(module: Module, generation: int = 3) -> Mapping[str, Any]:
    return write(module, generation).document


def types_of(graph: Graph) -> dict[str, TensorType]:
    return {value.name: value.type for value in graph.values()}
