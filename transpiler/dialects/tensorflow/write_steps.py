"""Writing a node step by step: names, constants and element types are taken care of here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from transpiler.dialects.rows import Array, Refusal
from transpiler.dialects.tensorflow.write_ops import OPS
from transpiler.dialects.tensorflow.write_template import (
    AttrValue,
    Made,
    Numbers,
    Operand,
    Source,
    Step,
    Template,
    Variable,
)
from transpiler.ir import DType, Node, Shape, TensorType

Number = float | int | bool


class Tensor(msgspec.Struct, frozen=True):
    """A tensor inside a template."""

    source: Source
    dtype: DType


class Fixed(msgspec.Struct, frozen=True):
    """A constant that becomes a step beside the op that reads it, named `OP/label`."""

    label: str
    numbers: Numbers

    @property
    def dtype(self) -> DType:
        return self.numbers.dtype


class Learned(msgspec.Struct, frozen=True):
    """A learned array as it is stored; each op that reads it has its own reading step."""

    array: Array
    dtype: DType


Input = Tensor | Fixed | Learned
Result = Tensor | Sequence[Tensor] | Refusal


class Refused(Exception):
    """The node cannot be written; caught where the template is finished."""

    def __init__(self, reason: str, help: str | None = None) -> None:
        super().__init__(reason)
        self.refusal = Refusal(reason, help)


STORED: Final = frozenset(DType) - {DType.BFLOAT16, DType.STRING}
"""Element types of arrays that are written."""
OPEN_SIZES = ("a size that it needs is unknown", "give --input-shape")


def ints(label: str, values: Sequence[int]) -> Fixed:
    """A vector of int32."""
    return Fixed(label, Numbers(DType.INT32, (len(values),), tuple(values)))


def scalar(label: str, value: Number, dtype: DType = DType.INT32) -> Fixed:
    """A single number."""
    return Fixed(label, Numbers(dtype, (), (value,)))


def pairs(label: str, values: Sequence[tuple[int, int]]) -> Fixed:
    """An int32 matrix [n, 2]."""
    return Fixed(label, Numbers(DType.INT32, (len(values), 2), tuple(end for pair in values for end in pair)))


class Steps:
    """Collects the steps of one node's template."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.types: tuple[TensorType, ...] = tuple(value.type for value in node.operands)
        self.results: tuple[TensorType, ...] = node.op.infer(self.types)
        self.steps: list[Step] = []
        self.arrays: dict[str, Array] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dtypes: dict[str, DType] = {}
        self._names: set[str] = set()

    @property
    def x(self) -> Tensor:
        """The first operand."""
        return self.operand(0)

    def operand(self, index: int) -> Tensor:
        return Tensor(Operand(index), self.types[index].dtype)

    @property
    def operands(self) -> tuple[Tensor, ...]:
        return tuple(map(self.operand, range(len(self.types))))

    def shape(self, index: int = 0) -> Shape:
        """The shape of an operand. Raises Refused when its rank is unknown."""
        shape = self.types[index].shape
        if shape is None:
            raise Refused("the rank of its input is unknown", "give --input-shape")
        return shape

    def rank(self, index: int = 0) -> int:
        return len(self.shape(index))

    def size(self, axis: int, index: int = 0) -> int:
        """A known size of an operand. Raises Refused when it is open."""
        found = self.shape(index)[axis]
        if found is None:
            raise Refused(*OPEN_SIZES)
        return found

    def result_shape(self, index: int = 0) -> Shape:
        shape = self.results[index].shape
        if shape is None:
            raise Refused("the rank of its result is unknown", "give --input-shape")
        return shape

    @property
    def real(self) -> DType:
        """The element type of the node's learned arrays: that of the reals it works on."""
        first = self.types[0].dtype if self.types else DType.FLOAT32
        return first if first in (DType.FLOAT16, DType.FLOAT64, DType.BFLOAT16) else DType.FLOAT32

    def param(
        self,
        role: str,
        axes: Sequence[int] | None = None,
        shape: Sequence[int] | None = None,
        dtype: DType | None = None,
    ) -> Input:
        """The learned array of a role, stored in the order of these axes (viewed with `shape` first)."""
        dtype = dtype or self.real
        if dtype not in STORED:
            raise Refused(f"learned arrays of type {dtype.value} are not written")
        array = Array(role, None if axes is None else tuple(axes), None if shape is None else tuple(shape))
        stored = self._stored(array)
        constant = self.node.param(role).constant
        if constant is not None:
            return Fixed(role, Numbers(dtype, stored, (constant.value,)))
        self.arrays[role] = array
        self.shapes[role] = stored
        self.dtypes[role] = dtype
        return Learned(array, dtype)

    def _stored(self, array: Array) -> tuple[int, ...]:
        spec = self.node.op.params(self.types)[array.role]
        sizes = tuple(size for size in spec.shape if size is not None)
        if len(sizes) < len(spec.shape):
            raise Refused("the size of its weights depends on sizes that are not known", "give --input-shape")
        if array.shape is not None:
            known = math.prod(size for size in array.shape if size != -1)
            sizes = tuple(math.prod(sizes) // known if size == -1 else size for size in array.shape)
        return sizes if array.axes is None else tuple(sizes[axis] for axis in array.axes)

    def like(self, label: str, value: float, tensor: Tensor) -> Fixed:
        """A number of the same element type as a tensor."""
        return scalar(label, value, tensor.dtype)

    def op(self, op: str, *inputs: Input, name: str | None = None, **attributes: AttrValue) -> Tensor:
        """Append a step; its first output. `name` is the op's own name unless given."""
        return self.many(op, *inputs, name=name, count=1, **attributes)[0]

    def many(
        self, op: str, *inputs: Input, count: int, name: str | None = None, **attributes: AttrValue
    ) -> tuple[Tensor, ...]:
        """Append a step with several outputs."""
        name = self._fresh(name or op)
        given = [self._input(name, tensor) for tensor in inputs]
        rule = OPS[op]
        known: dict[str, AttrValue] = {}
        if rule.count is not None:
            known[rule.count] = len(inputs) - (1 if -1 in rule.types.values() else 0)
        for attribute, index in rule.types.items():
            known[attribute] = given[index].dtype
        known.update(attributes)
        match rule.result:
            case DType():
                dtype = rule.result
            case str():
                found = known[rule.result]
                assert isinstance(found, DType)
                dtype = found
            case None:
                first = rule.types.get("T", 0)
                dtype = given[first].dtype if given else DType.FLOAT32
        self.steps.append(Step(name, op, tuple(tensor.source for tensor in given), known))
        return tuple(Tensor(Made(name, i), dtype) for i in range(count))

    def _fresh(self, name: str) -> str:
        candidate, number = name, 0
        while candidate in self._names:
            number += 1
            candidate = f"{name}_{number}"
        self._names.add(candidate)
        return candidate

    def _input(self, reader: str, tensor: Input) -> Tensor:
        match tensor:
            case Tensor():
                return tensor
            case Fixed(label, numbers):
                return self.constant(numbers, f"{reader}/{label}")
            case Learned(array, dtype):
                name = self._fresh(f"{reader}/ReadVariableOp")
                self.steps.append(Step(name, "ReadVariableOp", (Variable(array.role),), {"dtype": dtype}))
                return Tensor(Made(name), dtype)

    def constant(self, numbers: Numbers, name: str) -> Tensor:
        """A constant as a step of that name."""
        name = self._fresh(name)
        self.steps.append(Step(name, "Const", (), {"dtype": numbers.dtype, "value": numbers}))
        return Tensor(Made(name), numbers.dtype)

    def finish(self, result: Result) -> Template | Refusal:
        """The template, its last step named after the node itself if the node has no arrays of its own."""
        if isinstance(result, Refusal):
            return result
        tensors = (result,) if isinstance(result, Tensor) else tuple(result)
        sources = tuple(tensor.source for tensor in tensors)
        steps = tuple(self.steps)
        last = {source.step for source in sources if isinstance(source, Made)}
        if not self.arrays and len(last) == 1:
            steps, sources = _named_after_node(steps, sources, last.pop())
        return Template(steps, sources, tuple(self.arrays.values()), self.shapes, self.dtypes)


def _named_after_node(
    steps: Sequence[Step], results: Sequence[Source], last: str
) -> tuple[tuple[Step, ...], tuple[Source, ...]]:
    """The same steps with `last` called "", and what it alone reads below the node's name."""
    taken = {step.name for step in steps}

    def name(old: str) -> str:
        if old == last:
            return ""
        inner = old[len(last) + 1 :] if old.startswith(f"{last}/") else old
        return old if inner in taken else inner

    def source(old: Source) -> Source:
        return Made(name(old.step), old.output) if isinstance(old, Made) else old

    renamed = tuple(
        msgspec.structs.replace(step, name=name(step.name), inputs=tuple(map(source, step.inputs)))
        for step in steps
    )
    return renamed, tuple(map(source, results))
