"""Matrix products with learned matrices, and lookups in learned tables."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ParamSpec, ShapeError, op
from transpiler.ir.types import DType, TensorType, product
from transpiler.ops import fields as f
from transpiler.ops.spatial import axis_of


@op("dense", "Common")
class Dense(Op):
    """All axes from `axis` on are read as one vector and multiplied by the kernel [units, inputs]."""

    units: int = f.integer("number of outputs", least=1)
    axis: int = f.integer("the first axis of the vector", 1)
    bias: bool = f.flag("whether a bias is added", True)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "bias") if self.bias else ("kernel",)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0],)
        return (operands[0].with_shape((*shape[: axis_of(self.axis, len(shape))], self.units)),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        shape = operands[0].shape
        inputs = None if shape is None else product(shape[axis_of(self.axis, len(shape)) :])
        specs = {"kernel": ParamSpec((self.units, inputs))}
        return {**specs, "bias": ParamSpec((self.units,))} if self.bias else specs


@op("embedding", "Common")
class Embedding(Op):
    """Row x of the kernel [count, units] for every integer x; the rows' axis is appended."""

    count: int = f.integer("number of rows", least=1)
    units: int = f.integer("length of a row", least=1)
    bias: bool = f.flag("whether a bias is added", False)
    mask_zero: bool = f.flag("whether 0 marks steps that later layers skip", False)
    length: int | None = f.optional_integer("declared number of steps", None)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel", "bias") if self.bias else ("kernel",)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        return (TensorType(None if shape is None else (*shape, self.units), DType.FLOAT32),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        specs = {"kernel": ParamSpec((self.count, self.units))}
        return {**specs, "bias": ParamSpec((self.units,))} if self.bias else specs


@op("reversible_embedding", "Common")
class ReversibleEmbedding(Op):
    """Row x of the kernel [count, units] for every integer x; with `reverse` the product with all rows instead.

    Untied, the product is with another kernel `reverse_kernel` [count, units]. With a cap the result is
    cap * tanh(result / cap).
    """

    count: int = f.integer("number of rows", least=1)
    units: int = f.integer("length of a row", least=1)
    tied: bool = f.flag("whether both directions share their kernel", True)
    mask_zero: bool = f.flag("whether 0 marks steps that later layers skip", False)
    cap: float | None = f.optional_number("soft bound of the products, if any", None)
    reverse: bool = f.flag("whether vectors become scores of all rows", False)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("kernel",) if self.tied else ("kernel", "reverse_kernel")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (TensorType(None, DType.FLOAT32),)
        made = (*shape[:-1], self.count) if self.reverse else (*shape, self.units)
        return (TensorType(made, DType.FLOAT32),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        return {role: ParamSpec((self.count, self.units)) for role in self.roles}


@op("matmul", "Common")
class MatMul(Op):
    """Product of two batches of matrices; leading axes broadcast."""

    arity = Arity(2, 2)
    operand_names = ("a", "b")
    transpose_a: bool = f.flag("whether the last two axes of a are swapped first", False)
    transpose_b: bool = f.flag("whether the last two axes of b are swapped first", False)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        from transpiler.ops.elementwise import broadcast

        a, b = operands[0].shape, operands[1].shape
        if a is None or b is None:
            return (operands[0].with_shape(None),)
        if len(a) < 2 or len(b) < 2:
            raise ShapeError(f"a matrix product needs at least 2 axes, got {len(a)} and {len(b)}")
        rows, inner = (a[-1], a[-2]) if self.transpose_a else (a[-2], a[-1])
        outer, columns = (b[-1], b[-2]) if self.transpose_b else (b[-2], b[-1])
        if inner is not None and outer is not None and inner != outer:
            raise ShapeError(f"{inner} columns cannot be multiplied with {outer} rows")
        return (operands[0].with_shape((*broadcast([a[:-2], b[:-2]]), rows, columns)),)
