"""A flat graph walked node by node into the IR: exact ops where there are, parameters, single ops for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from transpiler.diagnostics import Sink
from transpiler.dialects.tensorflow.functions import MISSING, FlatNode, Tensor
from transpiler.dialects.tensorflow.graph_def import TensorProto, TensorShape, dtype_of
from transpiler.dialects.tensorflow.ops_table import KNOWN, PLACEHOLDERS, READERS, RESULTS, VARIABLES
from transpiler.dialects.tensorflow.plain import attributes
from transpiler.ir import DType, LazyArray, Op, Origin, ParamUse, Shape, ShapeError, Value
from transpiler.ir.rewriting import GraphBuilder
from transpiler.ops.core import Constant, Input, Opaque, Parameter
from transpiler.ops.fields import to_shape
from transpiler.ops.regularization import Dropout
from transpiler.ops.shape import Squeeze
from transpiler.passes.lower import tensorflow_arrays, tensorflow_math, tensorflow_windows
from transpiler.passes.lower.tensorflow_node import Keep, Reading, Rule
from transpiler.passes.lower.tensorflow_order import Loop
from transpiler.passes.lower.tensorflow_static import Size, Static, constant, fold, make, shape_of
from transpiler.passes.lower.tensorflow_training import DROPOUT
from transpiler.passes.lower.tensorflow_view import View


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
_KEPT: Final = ("Sqrt", "Rsqrt", "Reciprocal", "Maximum", "Minimum", "ExpandDims", "Reshape", "Squeeze")
"""Functions of arrays that are not computed beforehand: what they compute from is what was given."""
_FLOATS: Final = (DType.FLOAT32, DType.FLOAT64, DType.FLOAT16, DType.BFLOAT16)


class GraphLowering:
    """Builds the nodes; implements `Values` for the rules."""

    def __init__(self, view: View, sink: Sink, statistics: Mapping[Tensor, str]) -> None:
        self.view = view
        self.statistics = statistics
        """Statistic of a batch -> the variable that is its moving average."""
        self.sink = sink
        self.builder = GraphBuilder()
        self.values: dict[Tensor, Value] = {}
        self.statics: dict[Tensor, Static | None] = {}
        self.constants: dict[str, LazyArray] = {}
        self.used: dict[str, int] = {}
        self.warned: set[str] = set()
        self.read_shapes = _read_shapes(view)

    def run(self, steps: Sequence[FlatNode | Loop], reads: Mapping[str, tuple[Tensor, ...]]) -> None:
        """Add every step. `reads`: what each node really reads."""
        for tensors in reads.values():
            for name, index in tensors:
                self.used[name] = max(self.used.get(name, 0), index)
        for step in steps:
            if isinstance(step, Loop):
                self._loop(step)
            else:
                self._node(step, reads[step.name])

    def _node(self, node: FlatNode, inputs: tuple[Tensor, ...]) -> None:
        if node.op in VARIABLES or node.op in ("Const", MISSING):
            return
        if node.op in PLACEHOLDERS or node.op in READERS:
            self._input(node)
            return
        static = self._folded(node, inputs)
        if static is not None:
            self.statics[node.name, 0] = static
            kept = node.op in _KEPT and static.dtype in _FLOATS and static.array.ndim
            if node.op not in RULES or (static.known and not kept):
                return
        values = self._ruled(node, inputs)
        self.values.update({(node.name, i): value for i, value in enumerate(values)})

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
            framework="tensorflow", type=node.op, results=min(count, 1024), attributes=attributes(node.attrs)
        )
        return self.emit(node, op, [self.value(tensor) for tensor in inputs], "")

    def _loop(self, loop: Loop) -> None:
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
            shape, dtype = _declared(node, i)
            op = Input(shape=shape, dtype=dtype)
            self.values[node.name, i] = self.emit(node, op, (), str(i) if i else "")[0]

    def value(self, tensor: Tensor) -> Value:
        """The value of a tensor; constants, variables and what is missing are added when they are first read."""
        found = self.values.get(tensor)
        if found is None:
            found = self.values[tensor] = self._late(tensor)
        return found

    def weight(self, tensor: Tensor, rank: int) -> Value:
        """The value of a learned tensor; one that the file does not have is a parameter of unknown sizes."""
        node = self.view.flat.nodes.get(tensor[0])
        if node is not None and node.op == MISSING and tensor not in self.values:
            self.values[tensor] = self._parameter(node, node.name, (None,) * rank, DType.FLOAT32)
        return self.value(tensor)

    def _late(self, tensor: Tensor) -> Value:
        node = self.view.flat.nodes.get(tensor[0])
        static = self.static(tensor)
        if static is not None and static.known:
            made = self._constant(tensor, static, node)
            if made is not None:
                return made
        if node is not None and node.op == "Const":
            return self._stored(node)
        if node is not None and (node.op in VARIABLES or node.get("dtype") == "DT_RESOURCE"):
            return self._variable(node, tensor)
        missing = node or FlatNode(tensor[0] or MISSING, MISSING, (), {})
        op = Opaque(framework="tensorflow", type=missing.op)
        return self.emit(missing, op, (), "" if tensor[1] <= 0 else str(tensor[1]))[0]

    def _constant(self, tensor: Tensor, static: Static, node: FlatNode | None) -> Value | None:
        """Numbers as they are, unless they are a tensor of reals in the file: that is learned."""
        if node is not None and node.op == "Const" and static.dtype in _FLOATS and static.array.ndim:
            return None
        numbers = [float(item) for item in static.numbers or ()]
        if len(set(map(repr, numbers))) == 1:
            numbers = numbers[:1]
        if not numbers:
            return None
        op = Constant(shape=static.array.shape, values=tuple(numbers), dtype=static.dtype)
        name = node.name if node is not None else tensor[0]
        return self.emit(FlatNode(name, "Const", (), {}, span=node.span if node else None), op, (), "")[0]

    def _stored(self, node: FlatNode) -> Value:
        """An array that the file holds."""
        tensor = node.get("value")
        dims = tensor.shape.dims if isinstance(tensor, TensorProto) else None
        if not isinstance(tensor, TensorProto) or dims is None or None in dims:
            return self.emit(node, Opaque(framework="tensorflow", type="Const"), (), "")[0]
        dtype = dtype_of(tensor.dtype)
        if dtype is None:
            op: Op = Opaque(framework="tensorflow", type="Const", attributes=attributes(node.attrs))
            return self.emit(node, op, (), "")[0]
        sizes = tuple(size for size in dims if size is not None)
        self.constants[node.name] = LazyArray(sizes, dtype, tensor.load)
        return self._parameter(node, node.name, sizes, dtype)

    def _variable(self, node: FlatNode, tensor: Tensor) -> Value:
        declared = node.get("shape") if node.op in VARIABLES else None
        dims = declared.dims if isinstance(declared, TensorShape) else None
        if node.op not in VARIABLES or not dims:
            dims = self.read_shapes.get(tensor, dims)
        dtype = dtype_of(node.get("dtype")) or DType.FLOAT32
        if dims is None:
            return self.emit(node, Opaque(framework="tensorflow", type=node.op), (), "")[0]
        return self._parameter(node, str(node.get("shared_name") or node.name), dims, dtype)

    def _parameter(self, node: FlatNode, symbol: str, shape: Shape, dtype: DType) -> Value:
        try:
            op = Parameter(shape=to_shape(shape), dtype=dtype)
        except ValueError as error:
            self.sink.error("T3030", f"`{node.name}`: {error}", node.span)
            op = Parameter(shape=(), dtype=dtype)
        origin = Origin(node.name, node.op, node.span)
        made = self.builder.add(
            op,
            (),
            name=node.name,
            origin=origin,
            params=(ParamUse("value", symbol),),
            natives=(f"{node.name}:0",),
        )
        return made.result

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
        natives: tuple[str, ...] = () if what else tuple(f"{node.name}:{i}" for i in range(op.result_count))
        origin = Origin(node.name, node.op, node.span)
        operands = tuple(operands)
        if not op.arity.accepts(len(operands)):
            raise ValueError(f"it has {len(operands)} operands")
        return self.builder.add(op, operands, name=name, origin=origin, natives=natives).results


def _declared(node: FlatNode, i: int) -> tuple[Shape | None, DType]:
    """Shape and element type of an input."""
    shapes: Any = node.get("_output_shapes") or node.get("output_shapes") or ()
    types: Any = node.get("output_types") or node.get("component_types") or ()
    dtype = dtype_of(types[i] if i < len(types) else node.get("dtype")) or DType.FLOAT32
    own = node.get("shape")
    if i < len(shapes) and isinstance(shapes[i], TensorShape) and shapes[i].dims is not None:
        return shapes[i].dims, dtype
    return (own.dims if isinstance(own, TensorShape) and i == 0 else None), dtype


def _read_shapes(view: View) -> dict[Tensor, Shape]:
    """The shapes of variables that only their readers or their functions tell."""
    found: dict[Tensor, Shape] = {}
    for tensor, shape in view.flat.handles.items():
        if shape.dims is not None:
            found.setdefault(view.resolve(tensor), shape.dims)
    for node in view.flat.nodes.values():
        shapes = node.get("_output_shapes")
        if node.op in ("ReadVariableOp", "Identity", "VarHandleOp") and shapes and node.inputs:
            first = shapes[0]
            if isinstance(first, TensorShape) and first.dims is not None:
                found.setdefault(view.resolve((node.name, 0)), first.dims)
    return found
