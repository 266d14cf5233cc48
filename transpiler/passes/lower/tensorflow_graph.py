"""A flat graph walked node by node into the IR: exact ops where there are, parameters, single ops for the rest."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final

from transpiler.diagnostics import Sink
from transpiler.dialects.tensorflow.functions import MISSING, FlatNode, Tensor
from transpiler.dialects.tensorflow.graph_def import TensorProto, dtype_of
from transpiler.dialects.tensorflow.ops_table import (
    KNOWN,
    PLACEHOLDERS,
    READERS,
    RESULTS,
    SWITCHES,
    VARIABLES,
    WHILES,
)
from transpiler.dialects.tensorflow.plain import attributes
from transpiler.ir import DType, LazyArray, Op, Origin, Shape, ShapeError, Value
from transpiler.ir.rewriting import GraphBuilder
from transpiler.ir.types import refines
from transpiler.ops.core import Input, Opaque
from transpiler.ops.elementwise import Select
from transpiler.ops.regularization import Dropout
from transpiler.ops.shape import Squeeze
from transpiler.passes.lower import tensorflow_arrays, tensorflow_math, tensorflow_windows
from transpiler.passes.lower.tensorflow_branches import Choice, choices_of
from transpiler.passes.lower.tensorflow_loops import Form, of_dataflow, of_function
from transpiler.passes.lower.tensorflow_node import Keep, Reading, Rule
from transpiler.passes.lower.tensorflow_order import Loop
from transpiler.passes.lower.tensorflow_recurrence import raised
from transpiler.passes.lower.tensorflow_sequences import GATHERS, Rows, gathered
from transpiler.passes.lower.tensorflow_shapes import declared, read_shapes
from transpiler.passes.lower.tensorflow_static import Size, Static, constant, fold, make, shape_of
from transpiler.passes.lower.tensorflow_stored import FLOATS, late, parameter, stored
from transpiler.passes.lower.tensorflow_training import DROPOUT
from transpiler.passes.lower.tensorflow_view import View
from transpiler.passes.raise_layers.recurrent import Joined


def _dropout(reading: Reading) -> Sequence[Value]:
    """Noise of x's own shape needs no mention."""
    x, noise = reading.x(0), reading.static(1)
    shape: Shape | None = None
    if noise is not None and noise.array.ndim == 1 and x.type.rank == len(noise.array):
        own = [_is_size(item, x, i) for i, item in enumerate(noise.array)]
        if not all(own):
            items = [item if isinstance(item, int) else None for item in noise.array]
            shape = tuple(None if same else item for item, same in zip(items, own, strict=True))
    return reading.emit(Dropout(rate=float(reading.get("rate")), noise_shape=shape), x)


def _is_size(item: object, x: Value, axis: int) -> bool:
    """Whether a size is x's own along an axis."""
    size = x.type.shape[axis] if x.type.shape is not None else None
    return (
        item == size
        if size is not None
        else isinstance(item, Size) and item.dims == ((x, axis),) and item.factor == 1
    )


RULES: Final[Mapping[str, Rule]] = {
    **tensorflow_math.RULES,
    **tensorflow_windows.RULES,
    **tensorflow_arrays.RULES,
    DROPOUT: _dropout,
}
_KEPT: Final = (
    *("Neg", "Sqrt", "Rsqrt", "Reciprocal", "Maximum", "Minimum", "ExpandDims", "Reshape", "Squeeze"),
    *("StridedSlice", "Slice", "Transpose", "ConcatV2", "Pack"),
)
"""Functions of arrays that are not computed beforehand: what they compute from is what was given."""
MOST_RESULTS: Final = 4096


class GraphLowering:
    """Builds the nodes; implements `Values` for the rules."""

    def __init__(
        self,
        view: View,
        sink: Sink,
        statistics: Mapping[Tensor, str],
        *,
        kept_loops: Container[str] | None = None,
        choices: Mapping[str, Choice] | None = None,
        shapes: Mapping[Tensor, Shape] | None = None,
    ) -> None:
        self.view = view
        self.kept_loops = kept_loops
        """The loops that are to stay loops; None: all of them."""
        self.choices = choices
        """Merge-node -> what it chooses; None: branches that data decide stay as they are."""
        self.unchosen = False
        """Whether a choice turned out to be between tensors of different types."""
        self.statistics = statistics
        """Statistic of a batch -> the variable that is its moving average."""
        self.sink = sink
        self.builder = GraphBuilder()
        self.values: dict[Tensor, Value] = {}
        self.statics: dict[Tensor, Static | None] = {}
        self.constants: dict[str, LazyArray] = {}
        self.used: dict[str, int] = {}
        self.readers: dict[Tensor, list[FlatNode]] = {}
        self.outputs: frozenset[Tensor] = frozenset()
        self.added: set[str] = set()
        """The nodes that the network needs."""
        self.warned: set[str] = set()
        self.rows: dict[Tensor, Rows] = {}
        self.joined: dict[str, Joined] = {}
        """Arrays of layers that the file keeps in parts."""
        self.joined_by: dict[str, set[str]] = {}
        """Joined array -> the loops whose layers have it."""
        self.read_shapes = read_shapes(view) if shapes is None else shapes

    def run(
        self,
        steps: Sequence[FlatNode | Loop],
        reads: Mapping[str, tuple[Tensor, ...]],
        outputs: Iterable[Tensor] = (),
    ) -> None:
        """Add every step. `reads`: what each node really reads; `outputs`: the tensors that are put out."""
        self.outputs = frozenset(outputs)
        self.added = set(reads)
        for reader, tensors in reads.items():
            for tensor in tensors:
                name, index = tensor
                self.used[name] = max(self.used.get(name, 0), index)
                self.readers.setdefault(tensor, []).append(self.view.flat.nodes[reader])
        for step in steps:
            if isinstance(step, Loop):
                self._loop(step)
            else:
                self._node(step, reads[step.name])

    def child(self) -> GraphLowering:
        """A lowering of other nodes of the same file into a graph of its own, whose complaints nobody hears."""
        made = GraphLowering(self.view, Sink(), {}, shapes=self.read_shapes)
        made.constants = self.constants
        return made

    def is_symbol(self, name: str) -> bool:
        """Whether the file has something of that name, so that a new array needs another one."""
        return name in self.view.flat.nodes or name in self.constants

    def is_read(self, tensor: Tensor) -> bool:
        """Whether anything reads a tensor, or it is put out."""
        return tensor in self.readers or tensor in self.outputs

    def note_joined(self, loop: str, symbols: Iterable[str]) -> None:
        """Say which loop made arrays out of parts."""
        for symbol in symbols:
            if symbol in self.joined:
                self.joined_by.setdefault(symbol, set()).add(loop)

    def number(self, tensor: Tensor) -> float | None:
        """The only element of a tensor, if it is a known number."""
        static = self.static(tensor)
        numbers = None if static is None or static.array.size != 1 else static.numbers
        return None if numbers is None else numbers[0]

    def steps(self, nodes: Iterable[FlatNode]) -> None:
        """Add nodes in this order."""
        for node in nodes:
            inputs = self.view.inputs(node)
            for name, index in inputs:
                self.used[name] = max(self.used.get(name, 0), index)
            self._node(node, inputs)

    def _node(self, node: FlatNode, inputs: tuple[Tensor, ...]) -> None:
        if node.op in VARIABLES or node.op in ("Const", MISSING):
            return
        if node.op in PLACEHOLDERS or node.op in READERS:
            self._input(node)
            return
        if self.choices is not None and self._chosen(node, inputs):
            return
        if node.op in WHILES and self._raised(of_function(node, self.view)):
            return
        if node.op == "Cast" and self._widened(node, inputs):
            return
        read_back = gathered(self, node, inputs) if node.op in GATHERS else None
        if read_back is not None:
            self.values[node.name, 0] = read_back
            return
        static = self._folded(node, inputs)
        if static is not None:
            self.statics[node.name, 0] = static
            kept = node.op in _KEPT and static.dtype in FLOATS and static.array.ndim
            if node.op not in RULES or (static.known and not kept):
                return
        values = self._ruled(node, inputs)
        self.values.update({(node.name, i): value for i, value in enumerate(values)})

    def _widened(self, node: FlatNode, inputs: tuple[Tensor, ...]) -> bool:
        """A stored array of 16-bit reals that is read as 32-bit reals, which hold each of them exactly."""
        source = self.view.flat.nodes.get(inputs[0][0]) if inputs else None
        tensor = None if source is None or source.op != "Const" else source.get("value")
        if not isinstance(tensor, TensorProto) or dtype_of(node.get("DstT")) is not DType.FLOAT32:
            return False
        if dtype_of(tensor.dtype) not in (DType.FLOAT16, DType.BFLOAT16) or not tensor.shape.dims:
            return False
        wide = f"{inputs[0][0]}:f32", 0
        if wide not in self.values:
            assert source is not None
            self.values[wide] = stored(self, source, wide=True)
        self.values[node.name, 0] = self.values[wide]
        return True

    def _folded(self, node: FlatNode, inputs: tuple[Tensor, ...]) -> Static | None:
        if node.op == "Shape" and inputs and inputs[0] in self.values:
            return shape_of(self.values[inputs[0]], dtype_of(node.get("out_type")) or DType.INT32)
        if node.op == "Unpack" and inputs:
            self._unpack(node, self.static(inputs[0]))
            return None
        return fold(node, [self.static(tensor) for tensor in inputs])

    def _unpack(self, node: FlatNode, static: Static | None) -> None:
        if static is not None and static.array.ndim == 1:
            for i, item in enumerate(static.array):
                self.statics[node.name, i] = make([item], (), static.dtype)

    def _ruled(self, node: FlatNode, inputs: tuple[Tensor, ...]) -> Sequence[Value]:
        rule = RULES.get(node.op)
        reason = None
        if rule is not None:
            try:
                values = rule(Reading(node, inputs, self))
                if self.used.get(node.name, 0) < len(values):
                    return values
            except Keep:
                pass
            except ShapeError as error:
                self.sink.error("T4001", f"{node.op} `{node.name}`: {error}", node.span)
            except (ValueError, TypeError, OverflowError) as error:
                reason = str(error)
            except LookupError:
                reason = "an operand or an attribute that it needs is missing"
        if reason is not None:
            self.sink.warning("T3030", f"{node.op} `{node.name}` is kept as written: {reason}", node.span)
        return self._opaque(node, inputs)

    def _opaque(self, node: FlatNode, inputs: tuple[Tensor, ...]) -> Sequence[Value]:
        if (
            node.op not in KNOWN
            and node.op not in RULES
            and node.op not in self.warned
            and node.op != MISSING
        ):
            self.warned.add(node.op)
            self.sink.warning(
                "T3101", f"`{node.op}` is not an op that this program knows; it is kept as written", node.span
            )
        count = max(self.used.get(node.name, 0) + 1, len(RESULTS.get(node.op, ())))
        op = Opaque(
            framework="tensorflow",
            type=node.op,
            results=min(count, MOST_RESULTS),
            attributes=attributes(node.attrs),
        )
        return self.emit(node, op, [self.value(tensor) for tensor in inputs], "")

    def _chosen(self, node: FlatNode, inputs: tuple[Tensor, ...]) -> bool:
        """Branches that data decide: switches pass their operand on, merges and If-nodes select."""
        assert self.choices is not None
        if node.op in SWITCHES and len(inputs) == 2:
            static = self.static(inputs[0])
            for result in ((node.name, 0), (node.name, 1)):
                self.statics[result] = static
                if static is None or not static.known:
                    self.values[result] = self.value(inputs[0])
            return True
        made = (self.choices[node.name],) if node.name in self.choices else choices_of(self.view, node)
        for i, choice in enumerate(made or ()):
            condition, other, then = (
                self.value(tensor) for tensor in (choice.condition, choice.other, choice.then)
            )
            same = refines(other.type, then.type) and other.type.rank == then.type.rank is not None
            if condition.type.dtype is not DType.BOOL or not same:
                self.unchosen = True
            op = Select()
            self.values[node.name, i] = self.emit(node, op, (condition, then, other), str(i) if i else "")[0]
        return made is not None

    def _raised(self, form: Form | None) -> bool:
        """Whether a loop became recurrent layers."""
        if form is None or self.kept_loops is None or form.name in self.kept_loops:
            return False
        return raised(self, form)

    def _loop(self, loop: Loop) -> None:
        if self._raised(of_dataflow(loop, self.view)):
            return
        node = FlatNode(loop.name, "While", loop.inputs, {}, span=loop.nodes[0].span)
        op = Opaque(framework="tensorflow", type="While", results=len(loop.results), attributes=loop.plain())
        values = self.emit(node, op, [self.value(tensor) for tensor in loop.inputs], "")
        self.values.update(zip(loop.results, values, strict=True))

    def _input(self, node: FlatNode) -> None:
        number = self.view.number((node.name, 0)) if node.op in PLACEHOLDERS else None
        if node.get("dtype") == "DT_RESOURCE":
            return
        if number is not None:
            dtype = dtype_of(node.get("dtype")) or DType.FLOAT32
            self.statics[node.name, 0] = make([bool(number) if dtype is DType.BOOL else number], (), dtype)
            return
        for i in range(self.used.get(node.name, 0) + 1):
            shape, dtype = declared(node, i, self.view.flat.producer)
            try:
                op = Input(shape=shape, dtype=dtype)
            except ValueError as error:
                self.sink.error("T3030", f"`{node.name}`: {error}", node.span)
                op = Input(shape=None, dtype=dtype)
            self.values[node.name, i] = self.emit(node, op, (), str(i) if i else "")[0]

    def value(self, tensor: Tensor) -> Value:
        """The value of a tensor; constants, variables and what is missing are added when they are first read."""
        found = self.values.get(tensor)
        if found is None:
            found = self.values[tensor] = late(self, tensor)
        return found

    def weight(self, tensor: Tensor, rank: int) -> Value:
        """The value of a learned tensor; one that the file does not have is a parameter of unknown sizes."""
        node = self.view.flat.nodes.get(tensor[0])
        if node is not None and node.op == MISSING and tensor not in self.values:
            self.values[tensor] = parameter(self, node, node.name, (None,) * rank, DType.FLOAT32)
        return self.value(tensor)

    def average(self, statistic: Tensor) -> Value | None:
        """The moving average of a batch's statistic."""
        name = self.statistics.get(statistic)
        return None if name is None else self.value((name, 0))

    def moving(self) -> dict[str, tuple[str, str]]:
        """Value of a batch's statistic -> name and symbol of its moving average."""
        found = {}
        for tensor, name in self.statistics.items():
            value, node = self.values.get(tensor), self.view.flat.nodes[name]
            if value is None:
                continue
            row = (name, str(node.get("shared_name") or name))
            found[value.name] = row
            producer = self.builder.producer(value)
            if producer is not None and isinstance(producer.op, Squeeze):
                found[producer.operands[0].name] = row
        return found

    def static(self, tensor: Tensor) -> Static | None:
        """A tensor's elements, if they are known."""
        if tensor not in self.statics:
            node = self.view.flat.nodes.get(tensor[0])
            value = node.get("value") if node is not None and node.op == "Const" else None
            self.statics[tensor] = None
            if node is not None and isinstance(value, TensorProto):
                try:
                    self.statics[tensor] = constant(value)
                except (ValueError, TypeError) as error:
                    self.sink.error("T3008", f"the constant `{node.name}` cannot be read: {error}", node.span)
        return self.statics[tensor]

    def emit(self, node: FlatNode, op: Op, operands: Sequence[Value], what: str) -> tuple[Value, ...]:
        """Add a node for a TensorFlow node, named by it and `what`. Raises ShapeError."""
        name = f"{node.name}/{what}" if what else node.name
        origin = Origin(node.name, node.op, node.span)
        operands = tuple(operands)
        if not op.arity.accepts(len(operands)):
            raise ValueError(f"it has {len(operands)} operands")
        if op.result_count > MOST_RESULTS:
            raise ValueError(f"it has more than {MOST_RESULTS} results")
        natives: tuple[str, ...] = () if what else tuple(f"{node.name}:{i}" for i in range(op.result_count))
        return self.builder.add(op, operands, name=name, origin=origin, natives=natives).results
