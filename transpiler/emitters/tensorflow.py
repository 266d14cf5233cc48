"""GraphDef from a legal graph: every node's template put in its place, a variable for each learned array, one `init`.

Variables are resource variables (VarHandleOp, ReadVariableOp): today's sessions and `tf.function` imports take them
alike, which the reference variables of old (VariableV2) do not. Arrays whose numbers are at hand become constants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.dialects.rows import Array, Refusal
from transpiler.dialects.tensorflow.ops_table import RESULTS
from transpiler.dialects.tensorflow.write_rows import template_of
from transpiler.dialects.tensorflow.write_template import (
    AttrValue,
    Dims,
    Made,
    Operand,
    Source,
    Step,
    Template,
    Variable,
)
from transpiler.emitters.tensorflow_initial import Initializer, initial_value
from transpiler.emitters.tensorflow_nodes import Content, Names, NodeDef, filled, legal_name, message
from transpiler.ir import DType, Graph, Module, Node, ParamUse, Permute, Relayout, Reshape, Value
from transpiler.ops.core import Input
from transpiler.syntax.textproto import Message
from transpiler.weights.array_bytes import blocks

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers

Native = Callable[[ParamUse, Array, Sequence[int]], "Numbers"]
"""Gives the numbers of a learned array as its variable holds them, from its use, spelling and canonical shape."""

ELEMENTS: Final[Mapping[DType, str]] = {
    DType.FLOAT32: "<f4",
    DType.FLOAT16: "<f2",
    DType.FLOAT64: "<f8",
    DType.INT8: "i1",
    DType.INT16: "<i2",
    DType.INT32: "<i4",
    DType.INT64: "<i8",
    DType.UINT8: "u1",
    DType.BOOL: "?",
}
"""How the elements of learned arrays are stored."""
PRODUCER: Final = 134
"""The version of TensorFlow's graphs (1.15) in which all written ops exist."""
INIT: Final = "init"


class Stored(msgspec.Struct, frozen=True):
    """A variable or constant: which array it holds, after which layout steps, and its shape."""

    name: str
    use: ParamUse
    array: Array
    shape: tuple[int, ...]
    canonical: tuple[int, ...] = ()
    """The array's shape as the op declares it."""
    trainable: bool = True
    assign: str = ""
    """The node that gives a variable its first value."""
    initial: str = ""
    """The tensor that holds that value."""
    dtype: DType = DType.FLOAT32

    def numbers(self, native: Native) -> Numbers:
        """What it holds. Raises ValueError for an array of another shape."""
        found = native(self.use, self.array, self.canonical)
        if found.shape != self.shape:
            raise ValueError(f"{self.name} has shape {list(self.shape)}, not {list(found.shape)}")
        return found


class Written(msgspec.Struct, frozen=True):
    """A graph, and where things are in it."""

    message: Message
    inputs: Mapping[str, str]
    """The name of each input value -> its tensor."""
    outputs: tuple[str, ...]
    """The tensors of the graph's outputs, in order."""
    variables: tuple[Stored, ...]
    constants: tuple[Stored, ...] = ()
    """Arrays that are constants: their nodes have a shape, and their numbers are still to be put in."""
    tensors: Mapping[Value, str] = msgspec.field(default_factory=dict)
    """The tensor of every value."""


def emit(module: Module, *, output_shapes: bool = False, native: Native | None = None) -> Message:
    """The GraphDef of a legal module of one graph; frozen if its numbers are given."""
    if native is None:
        return write(module, output_shapes=output_shapes).message
    written = write(module, output_shapes=output_shapes, held=everything)
    contents = {stored.name: stored for stored in written.constants}
    return filled(
        written.message, {name: partial(_bytes, stored, native) for name, stored in contents.items()}
    )


def everything(use: ParamUse) -> bool:
    """Every array is held."""
    return True


def _nothing(use: ParamUse) -> bool:
    return False


def _bytes(stored: Stored, native: Native) -> bytes:
    return b"".join(blocks(stored.numbers(native), ELEMENTS[stored.dtype]))


def write(
    module: Module, *, output_shapes: bool = False, held: Callable[[ParamUse], bool] | None = None
) -> Written:
    """The GraphDef of a legal module, and the names that matter in it. Arrays that are `held` become constants."""
    (graph,) = module.graphs.values()
    return _Writer(graph, output_shapes, held or _nothing).run()


class _Writer:
    def __init__(self, graph: Graph, output_shapes: bool, held: Callable[[ParamUse], bool]) -> None:
        self.graph = graph
        self.output_shapes = output_shapes
        self.held = held
        self.names = Names()
        self.nodes: list[NodeDef] = []
        self.tensors: dict[Value, str] = {}
        self.variables: dict[object, Stored] = {}
        self.constants: dict[object, Stored] = {}
        self.fixed: set[str] = set()
        initial = graph.extras.get("tensorflow", {}).get("initial", {})
        self.initial: Mapping[str, Any] = initial if isinstance(initial, Mapping) else {}

    def run(self) -> Written:
        for node in self.graph.nodes:
            self._node(node)
        outputs = tuple(map(self._output, self.graph.outputs))
        if self.variables or not self.constants:
            assigned = tuple(f"^{variable.assign}" for variable in self.variables.values())
            self.nodes.append(NodeDef(self.names.fresh(INIT), "NoOp", assigned))
        given = [node.result for node in self.graph.nodes if isinstance(node.op, Input)]
        inputs = {value.native or value.name: self.tensors[value] for value in given}
        return Written(
            message(self.nodes, PRODUCER),
            inputs,
            outputs,
            tuple(self.variables.values()),
            tuple(self.constants.values()),
            self.tensors,
        )

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

        places: dict[str, int] = {}
        for step in made.steps:
            places[step.name] = len(self.nodes)
            inputs = tuple(map(tensor, step.inputs))
            self.nodes.append(self._step(step, names[step.name], inputs))
        for value, source in zip(node.results, made.results, strict=True):
            self.tensors[value] = tensor(source)
        if self.output_shapes:
            self._note_shapes(node, made, places)

    def _step(self, step: Step, name: str, inputs: tuple[str, ...]) -> NodeDef:
        """A step; the reading of an array that is a constant only passes it on."""
        if step.op == "ReadVariableOp" and inputs[0] in self.fixed:
            return NodeDef(name, "Identity", inputs, {"T": step.attributes["dtype"]})
        return NodeDef(name, step.op, inputs, dict(step.attributes))

    def _note_shapes(self, node: Node, made: Template, places: Mapping[str, int]) -> None:
        """Record the shapes of the node's results on the step that gives all of them."""
        steps = {source.step for source in made.results if isinstance(source, Made)}
        if len(steps) != 1:
            return
        place = places[steps.pop()]
        found = self.nodes[place]
        shapes = tuple(Dims(value.type.shape) for value in node.results)
        more = len(RESULTS.get(found.op, ())) - len(shapes)
        shapes += (Dims(None),) * more  # results that only training reads
        self.nodes[place] = msgspec.structs.replace(
            found, attributes={**found.attributes, "_output_shapes": shapes}
        )

    def _output(self, value: Value) -> str:
        """The tensor of an output; one that is read inside, or is an input, gets a node of its own."""
        tensor = self.tensors[value]
        if value not in self.graph.uses and value in self.graph.producers and value not in self.graph.inputs:
            return tensor
        name = self.names.fresh(f"{self.graph.producers[value].name}/output")
        self.nodes.append(NodeDef(name, "Identity", (tensor,), {"T": value.type.dtype}))
        return name

    def _variable(self, node: Node, array: Array, made: Template) -> Stored:
        """The variable or constant that holds an array as this node reads it, made at its first use."""
        use = node.param(array.role)
        key = (use.symbol, use.relayouts, array.axes, array.shape)
        kept = self.constants if self.held(use) else self.variables
        if key not in kept:
            spec = node.op.params([value.type for value in node.operands])[array.role]
            stored = Stored(
                self.names.fresh(legal_name(use.symbol)),
                use,
                array,
                made.shapes[array.role],
                tuple(size or 0 for size in spec.shape),
                spec.trainable,
                dtype=made.dtypes[array.role],
            )
            kept[key] = self._constant(stored) if kept is self.constants else self._declare(stored)
        return kept[key]

    def _constant(self, stored: Stored) -> Stored:
        content = Content(stored.dtype, stored.shape)
        self.nodes.append(NodeDef(stored.name, "Const", (), {"dtype": stored.dtype, "value": content}))
        self.fixed.add(stored.name)
        return stored

    def _declare(self, stored: Stored) -> Stored:
        name = stored.name
        shape = Dims(stored.shape)
        kind: dict[str, AttrValue] = {
            "dtype": stored.dtype,
            "shape": shape,
            "shared_name": name,
            "container": "",
        }
        self.nodes.append(NodeDef(name, "VarHandleOp", (), kind))
        made = Initializer(name, self.nodes, self.names.fresh)
        value = initial_value(made, self._rule(stored), stored.shape, layout_steps(stored))
        if stored.dtype is not DType.FLOAT32:
            value = made.add("Cast", "Cast", value, SrcT=DType.FLOAT32, DstT=stored.dtype)
        assign = self.names.fresh(f"{name}/Assign")
        self.nodes.append(NodeDef(assign, "AssignVariableOp", (name, value), {"dtype": stored.dtype}))
        return msgspec.structs.replace(stored, assign=assign, initial=value)

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
