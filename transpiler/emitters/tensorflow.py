"""GraphDef from a legal graph: every node's template put in its place, a variable for each learned array, one `init`.

Variables are resource variables (VarHandleOp, ReadVariableOp): today's sessions and `tf.function` imports take them
alike, which the reference variables of old (VariableV2) do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from transpiler.dialects.rows import Array, Refusal
from transpiler.dialects.tensorflow.write_rows import template_of
from transpiler.dialects.tensorflow.write_template import (
    AttrValue,
    Dims,
    Made,
    Operand,
    Source,
    Template,
    Variable,
)
from transpiler.emitters.tensorflow_initial import Initializer, initial_value
from transpiler.emitters.tensorflow_nodes import Names, NodeDef, legal_name, message
from transpiler.ir import DType, Graph, Module, Node, ParamUse, Permute, Relayout, Reshape, Value
from transpiler.ops.core import Input
from transpiler.syntax.textproto import Message

PRODUCER: Final = 134
"""The version of TensorFlow's graphs (1.15) in which all written ops exist."""
INIT: Final = "init"


@attrs.frozen
class Stored:
    """A variable: which array it holds, after which layout steps, and its shape."""

    name: str
    use: ParamUse
    array: Array
    shape: tuple[int, ...]


@attrs.frozen
class Written:
    """A graph, and where things are in it."""

    message: Message
    inputs: Mapping[str, str]
    """The name of each input value -> its tensor."""
    outputs: tuple[str, ...]
    """The tensors of the graph's outputs, in order."""
    variables: tuple[Stored, ...]


def emit(module: Module, *, output_shapes: bool = False) -> Message:
    """The GraphDef of a legal module of one graph."""
    return write(module, output_shapes=output_shapes).message


def write(module: Module, *, output_shapes: bool = False) -> Written:
    """The GraphDef of a legal module, and the names that matter in it."""
    (graph,) = module.graphs.values()
    return _Writer(graph, output_shapes).run()


class _Writer:
    def __init__(self, graph: Graph, output_shapes: bool) -> None:
        self.graph = graph
        self.output_shapes = output_shapes
        self.names = Names()
        self.nodes: list[NodeDef] = []
        self.tensors: dict[Value, str] = {}
        self.variables: dict[object, Stored] = {}
        initial = graph.extras.get("tensorflow", {}).get("initial", {})
        self.initial: Mapping[str, Any] = initial if isinstance(initial, Mapping) else {}

    def run(self) -> Written:
        for node in self.graph.nodes:
            self._node(node)
        outputs = tuple(map(self._output, self.graph.outputs))
        assigned = tuple(f"^{variable.name}/Assign" for variable in self.variables.values())
        self.nodes.append(NodeDef(self.names.fresh(INIT), "NoOp", assigned))
        given = [node.result for node in self.graph.nodes if isinstance(node.op, Input)]
        inputs = {value.native or value.name: self.tensors[value] for value in given}
        return Written(message(self.nodes, PRODUCER), inputs, outputs, tuple(self.variables.values()))

    def _node(self, node: Node) -> None:
        made = template_of(node)
        if isinstance(made, Refusal):
            raise ValueError(f"{node.name} is not legal: {made.reason}")
        handles = {array.role: self._variable(node, array, made) for array in made.arrays}
        names = {
            step.name: self.names.fresh(f"{node.name}/{step.name}" if step.name else node.name)
            for step in made.steps
        }

        def tensor(source: Source) -> str:
            match source:
                case Operand(index):
                    return self.tensors[node.operands[index]]
                case Variable(role):
                    return handles[role].name
                case Made(step, output):
                    return f"{names[step]}:{output}" if output else names[step]

        for step in made.steps:
            self.nodes.append(
                NodeDef(names[step.name], step.op, tuple(map(tensor, step.inputs)), dict(step.attributes))
            )
        for value, source in zip(node.results, made.results, strict=True):
            self.tensors[value] = tensor(source)
        if self.output_shapes:
            self._note_shapes(node, made, names)

    def _note_shapes(self, node: Node, made: Template, names: Mapping[str, str]) -> None:
        """Record the shapes of the node's results on the step that gives all of them."""
        steps = {source.step for source in made.results if isinstance(source, Made)}
        if len(steps) != 1:
            return
        name = names[steps.pop()]
        shapes = tuple(Dims(value.type.shape) for value in node.results)
        for i, found in enumerate(self.nodes):
            if found.name == name:
                self.nodes[i] = attrs.evolve(found, attributes={**found.attributes, "_output_shapes": shapes})

    def _output(self, value: Value) -> str:
        """The tensor of an output; one that is read inside, or is an input, gets a node of its own."""
        tensor = self.tensors[value]
        if value not in self.graph.uses and value in self.graph.producers and value not in self.graph.inputs:
            return tensor
        name = self.names.fresh(f"{self.graph.producers[value].name}/output")
        self.nodes.append(NodeDef(name, "Identity", (tensor,), {"T": value.type.dtype}))
        return name

    def _variable(self, node: Node, array: Array, made: Template) -> Stored:
        """The variable that holds an array as this node reads it, made at its first use."""
        use = node.param(array.role)
        key = (use.symbol, use.relayouts, array.axes, array.shape)
        if key not in self.variables:
            shape = made.shapes[array.role]
            stored = Stored(self.names.fresh(legal_name(use.symbol)), use, array, shape)
            self.variables[key] = stored
            self._declare(stored)
        return self.variables[key]

    def _declare(self, stored: Stored) -> None:
        name = stored.name
        shape = Dims(stored.shape)
        kind: dict[str, AttrValue] = {
            "dtype": DType.FLOAT32,
            "shape": shape,
            "shared_name": name,
            "container": "",
        }
        self.nodes.append(NodeDef(name, "VarHandleOp", (), kind))
        made = Initializer(name, self.nodes, self.names.fresh)
        value = initial_value(made, self._rule(stored), stored.shape, layout_steps(stored))
        self.nodes.append(
            NodeDef(
                self.names.fresh(f"{name}/Assign"),
                "AssignVariableOp",
                (name, value),
                {"dtype": DType.FLOAT32},
            )
        )

    def _rule(self, stored: Stored) -> Mapping[str, Any]:
        found = self.initial.get(stored.use.symbol)
        return found if isinstance(found, Mapping) else {"kind": "constant", "value": 0.0}


def layout_steps(stored: Stored) -> tuple[Relayout, ...]:
    """How an array in its source's canonical order becomes what the variable holds."""
    steps = list(stored.use.relayouts)
    if stored.array.shape is not None:
        steps.append(Reshape(stored.array.shape))
    if stored.array.axes is not None:
        steps.append(Permute(stored.array.axes))
    return tuple(steps)
