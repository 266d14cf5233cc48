"""Ops that are not computations: inputs, constants, learned tensors, opaque layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from transpiler.ir.attributes import Attr
from transpiler.ir.op import Arity, Op, ParamSpec, op
from transpiler.ir.types import UNKNOWN, DType, Shape, TensorType
from transpiler.ops import fields as f

NOTHING = Arity(0, 0)


@op("input", "Data")
class Input(Op):
    """A tensor that the caller provides."""

    arity = NOTHING
    operand_names = ()
    shape: Shape | None = f.optional_shape(
        "its shape, batch first; none when not even the rank is known", None
    )
    dtype: DType = f.dtype("its element type")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (TensorType(self.shape, self.dtype),)


@op("data", "Data")
class Data(Op):
    """A layer that reads examples from storage: one result a top (data, label, …), typed by what the file says."""

    arity = NOTHING
    operand_names = ()
    shapes: tuple[Shape | None, ...] = f.shapes(
        "the shape of each result; none where the file leaves it open"
    )

    @property
    def result_count(self) -> int:
        return len(self.shapes)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return tuple(TensorType(shape) for shape in self.shapes)


@op("parameter", "Data")
class Parameter(Op):
    """A learned tensor that is read like any other value."""

    arity = NOTHING
    operand_names = ()
    shape: Shape = f.shape("its shape")
    dtype: DType = f.dtype("its element type")

    @property
    def roles(self) -> tuple[str, ...]:
        return ("value",)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (TensorType(self.shape, self.dtype),)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        return {"value": ParamSpec(self.shape)}


@op("opaque", "Opaque")
class Opaque(Op):
    """A layer this program does not know. It is kept as written and is legal only in its own framework."""

    arity = Arity(0, None)
    operand_names = ()
    remembered = False
    framework: str = f.text("the framework whose layer it is")
    type: str = f.text("the layer's type there")
    results: int = f.integer("how many results it has", 1, least=0)
    attributes: dict[str, Attr] = f.anything("its fields as written", dict, "data", {})

    @property
    def result_count(self) -> int:
        return self.results

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (UNKNOWN,) * self.results

    def __hash__(self) -> int:
        return hash((self.framework, self.type, self.results))

    def __eq__(self, other: object) -> bool:
        from transpiler.ir.attributes import same

        return isinstance(other, Opaque) and same(_plain(self), _plain(other))


def _plain(node: Opaque) -> Any:
    return {**vars(node)}


@op("constant", "Data")
class Constant(Op):
    """A tensor of fixed numbers, row-major."""

    arity = NOTHING
    operand_names = ()
    shape: tuple[int, ...] = f.integers("its shape", least=0)
    values: tuple[float, ...] = f.numbers("its numbers in row-major order; a single one fills it")
    dtype: DType = f.dtype("its element type")

    def __post_init__(self) -> None:
        if len(self.values) not in (1, math.prod(self.shape)):
            raise ValueError(f"{len(self.values)} numbers do not fill a tensor of shape {list(self.shape)}")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (TensorType(self.shape, self.dtype),)
