"""A graph with its function calls taken apart: flat nodes whose operands are (node, result) pairs.

Branches on the learning phase are taken apart on both sides: `FlatGraph.pairs` holds what each result is while testing
and while training. Calls are bounded in depth and in the number of nodes that they may add.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from transpiler.diagnostics import Sink, Span
from transpiler.dialects.tensorflow.graph_def import (
    ArgDef,
    AttrValue,
    FunctionDef,
    FunctionRef,
    GraphDef,
    NodeDef,
    TensorShape,
)
from transpiler.dialects.tensorflow.ops_table import (
    ALIASES,
    BRANCHES,
    CALLS,
    ENTERS,
    MERGES,
    NEXTS,
    RESULTS,
    SWITCHES,
    WHILES,
)

Tensor = tuple[str, int]
"""A node's name and which of its results."""

MAX_NODES: Final = 400_000
MAX_CALLS: Final = 40_000
MAX_DEPTH: Final = 40
MISSING: Final = "Missing"
"""The type of nodes that other nodes read but the file does not have."""
LOOP_VARIABLES: Final = "LoopVariables"
"""The type of the nodes that stand for what a loop's body is given."""


class FlatNode(msgspec.Struct, frozen=True, eq=False):
    """A node with resolved operands. `controls` are the nodes that must run before it."""

    name: str
    op: str
    inputs: tuple[Tensor, ...]
    attrs: Mapping[str, AttrValue]
    controls: tuple[str, ...] = ()
    span: Span | None = None

    def get(self, key: str, default: Any = None) -> Any:
        return self.attrs.get(key, default)


class FlatGraph(msgspec.Struct, eq=False):
    """Nodes by name in file order; what stands for the results of calls and of branches."""

    nodes: dict[str, FlatNode] = msgspec.field(default_factory=dict)
    aliases: dict[Tensor, Tensor] = msgspec.field(default_factory=dict)
    branches: dict[str, tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]] = msgspec.field(
        default_factory=dict
    )
    """If-node -> its condition, and the results of its else and then sides."""
    handles: dict[Tensor, TensorShape] = msgspec.field(default_factory=dict)
    """The shapes of variables that functions declare of their resources."""
    loops: dict[str, LoopBody] = msgspec.field(default_factory=dict)
    """While-node -> what it does each time."""
    inside: set[str] = msgspec.field(default_factory=set)
    """The nodes of loops' bodies and conditions."""
    producer: int = 0
    """The version of TensorFlow's graph format; 0 if the file does not say."""


class LoopBody(msgspec.Struct, frozen=True):
    """What a While-node computes: its condition and the new values, from the variables `(variables, i)`."""

    variables: str
    condition: Tensor
    results: tuple[Tensor, ...]


class _Frame(msgspec.Struct, frozen=True):
    """Where nodes are being added: a name prefix, and what stands for a function's arguments."""

    prefix: str
    arguments: Mapping[str, Tensor]
    local: Mapping[str, NodeDef]
    depth: int
    inside: bool = False
    """Whether it is the body or the condition of a loop."""

    def name(self, node: str) -> str:
        return f"{self.prefix}/{node}" if self.prefix else node


class Flattener:
    """Builds the flat graph; what cannot be resolved goes to the sink."""

    def __init__(self, graph: GraphDef, sink: Sink) -> None:
        self.graph = graph
        self.sink = sink
        self.flat = FlatGraph(producer=graph.producer)
        self.missing: dict[str, Span | None] = {}
        self.calls = 0
        self.full = False

    def run(self) -> FlatGraph:
        """The flat graph of the whole file."""
        frame = _Frame("", {}, {node.name: node for node in self.graph.nodes}, 0)
        self._nodes(self.graph.nodes, frame)
        self._settle_loops()
        if self.missing:
            names = ", ".join(f"`{name}`" for name in list(self.missing)[:5])
            more = f" and {len(self.missing) - 5} more" if len(self.missing) > 5 else ""
            self.sink.warning(
                "T3010",
                f"nodes are read that the file does not have: {names}{more}",
                next(iter(self.missing.values())),
                help="their values and shapes are unknown",
            )
        return self.flat

    def _nodes(self, nodes: Iterable[NodeDef], frame: _Frame) -> None:
        for node in nodes:
            if len(self.flat.nodes) >= MAX_NODES or self.calls >= MAX_CALLS:
                self._overflow(node)
                return
            inputs = tuple(self._ref(text, frame, node) for text in node.inputs if not text.startswith("^"))
            name = frame.name(node.name)
            function = self._called(node)
            if function is not None and frame.depth < MAX_DEPTH:
                self._call(name, function, inputs, frame)
            elif function is not None:
                self._overflow(node)
            else:
                if node.op in BRANCHES:
                    self._branch(name, node, inputs, frame)
                elif node.op in WHILES:
                    self._loop(name, node, inputs, frame)
                controls = tuple(frame.name(text[1:]) for text in node.inputs if text.startswith("^"))
                self._put(FlatNode(name, node.op, inputs, node.attrs, controls, node.span), frame)

    def _put(self, node: FlatNode, frame: _Frame) -> None:
        self.flat.nodes[node.name] = node
        if frame.inside:
            self.flat.inside.add(node.name)

    def _overflow(self, node: NodeDef) -> None:
        if not self.full:
            self.full = True
            limits = f"nest more than {MAX_DEPTH} deep, are more than {MAX_CALLS}, or make more than {MAX_NODES} nodes"
            self.sink.error("T3011", f"function calls {limits}", node.span)

    def _called(self, node: NodeDef) -> FunctionDef | None:
        if node.op in CALLS:
            target = node.get("f")
            return self.graph.functions.get(target.name) if isinstance(target, FunctionRef) else None
        return self.graph.functions.get(node.op)

    def _call(self, name: str, function: FunctionDef, inputs: tuple[Tensor, ...], frame: _Frame) -> None:
        results = self._inline(name, function, inputs, frame)
        self.flat.aliases.update({(name, i): result for i, result in enumerate(results)})

    def _inline(
        self,
        name: str,
        function: FunctionDef,
        inputs: tuple[Tensor, ...],
        frame: _Frame,
        *,
        inside: bool = False,
    ) -> tuple[Tensor, ...]:
        """Add a function's nodes under a name; the answer is what its results are. `inside`: inside a loop."""
        self.calls += 1
        given = dict(zip((arg.name for arg in function.inputs), inputs, strict=False))
        for arg, tensor in zip(function.inputs, inputs, strict=False):
            if arg.handle is not None:
                self.flat.handles.setdefault(tensor, arg.handle)
        inner = _Frame(
            name, given, {node.name: node for node in function.nodes}, frame.depth + 1, inside or frame.inside
        )
        self._nodes(function.nodes, inner)
        return tuple(self._returned(output, function, inner) for output in function.outputs)

    def _returned(self, output: ArgDef, function: FunctionDef, frame: _Frame) -> Tensor:
        text = function.returns.get(output.name, output.name)
        return self._ref(text, frame, None)

    def _branch(self, name: str, node: NodeDef, inputs: tuple[Tensor, ...], frame: _Frame) -> None:
        sides = []
        for key in ("else_branch", "then_branch"):
            target = node.get(key)
            function = self.graph.functions.get(target.name) if isinstance(target, FunctionRef) else None
            if function is None or frame.depth >= MAX_DEPTH or not inputs:
                return
            sides.append(function)
        other, then = (
            self._inline(f"{name}/{side}", function, inputs[1:], frame)
            for side, function in zip(("else", "then"), sides, strict=True)
        )
        self.flat.branches[name] = (inputs[0], other, then)

    def _loop(self, name: str, node: NodeDef, inputs: tuple[Tensor, ...], frame: _Frame) -> None:
        """A loop's functions over variables of its own; those that never change are what they were before."""
        functions = []
        for key in ("cond", "body"):
            target = node.get(key)
            function = self.graph.functions.get(target.name) if isinstance(target, FunctionRef) else None
            if function is None or frame.depth >= MAX_DEPTH or len(function.inputs) != len(inputs):
                return
            functions.append(function)
        if len(functions[1].outputs) != len(inputs) or len(functions[0].outputs) != 1:
            return
        given = f"{name}/variables"
        self._put(
            FlatNode(given, LOOP_VARIABLES, (), {}, span=node.span),
            msgspec.structs.replace(frame, inside=True),
        )
        variables = tuple((given, i) for i in range(len(inputs)))
        (condition,) = self._inline(f"{name}/cond", functions[0], variables, frame, inside=True)
        results = self._inline(f"{name}/body", functions[1], variables, frame, inside=True)
        for variable, result, tensor in zip(variables, results, inputs, strict=True):
            if self._behind(result) == variable:
                self.flat.aliases[variable] = tensor
        self.flat.loops[name] = LoopBody(given, condition, results)

    def _settle_loops(self) -> None:
        """What goes round in a dataflow loop without changing is what it was before."""
        nodes = self.flat.nodes
        switched = {
            node.inputs[0]: node.name
            for node in nodes.values()
            if node.op in SWITCHES and len(node.inputs) == 2
        }
        for node in nodes.values():
            switch = switched.get((node.name, 0))
            if node.op not in MERGES or switch is None or len(node.inputs) != 2:
                continue
            first, back = node.inputs
            entered, again = nodes.get(first[0]), nodes.get(back[0])
            if entered is None or entered.op not in ENTERS or again is None or again.op not in NEXTS:
                continue
            if again.inputs and self._behind(again.inputs[0]) == (switch, 1):
                for tensor in ((switch, 0), (switch, 1), (node.name, 0)):
                    self.flat.aliases[tensor] = first

    def _behind(self, tensor: Tensor) -> Tensor:
        """The tensor behind nodes that pass their operand on."""
        for _ in range(MAX_DEPTH):
            node = self.flat.nodes.get(tensor[0])
            if tensor in self.flat.aliases:
                tensor = self.flat.aliases[tensor]
            elif node is not None and node.op in ALIASES and tensor[1] < len(node.inputs):
                tensor = node.inputs[tensor[1]]
            else:
                break
        return tensor

    def _ref(self, text: str, frame: _Frame, reader: NodeDef | None) -> Tensor:
        """The tensor of `node`, `node:1` (graphs), `node:y:0` or an argument's name (functions)."""
        name, *rest = text.split(":")
        if name in frame.arguments and not rest:
            return frame.arguments[name]
        node = frame.local.get(name)
        if node is None:
            full = frame.name(name)
            self.missing.setdefault(full, None if reader is None else reader.span)
            span = None if reader is None else reader.span
            self.flat.nodes.setdefault(full, FlatNode(full, MISSING, (), {}, span=span))
            return full, 0
        return frame.name(name), self._position(node, rest)

    def _position(self, node: NodeDef, rest: list[str]) -> int:
        index = int(rest[-1]) if rest and rest[-1].isdecimal() and len(rest[-1]) < 6 else 0
        if len(rest) < 2:
            return index
        names = RESULTS.get(node.op, ())
        function = self._called(node)
        if function is not None and node.op not in CALLS:
            names = tuple(output.name for output in function.outputs)
        return names.index(rest[0]) + index if rest[0] in names else index


def flatten(graph: GraphDef, sink: Sink) -> FlatGraph:
    """The graph with its calls taken apart."""
    return Flattener(graph, sink).run()
