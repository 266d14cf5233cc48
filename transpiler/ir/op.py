"""The base of all operations: a frozen payload that knows its fields, operands, result types and parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

import attrs

from transpiler.ir.types import Shape, TensorType

Class = TypeVar("Class", bound=type)


class ShapeError(ValueError):
    """The operands' types make no sense for the operation; the message is shown to the user."""


@attrs.frozen
class ParamSpec:
    """One learned array: its canonical shape (dimensions may be unknown), and whether gradients train it."""

    shape: Shape
    trainable: bool = True


@attrs.frozen
class Arity:
    """How many operands an op takes: between `least` and `most` (None: any number)."""

    least: int
    most: int | None

    def accepts(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f"at least {self.least}"
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


class Op:
    """An operation's payload. Subclasses are declared with `@op`, their docstring is their reference page.

    Class attributes: `name` (the text form's word), `category` (the palette's drawer), `operand_names`,
    `arity`. Fields are declared with the functions of `transpiler.ops.fields`, which carry converter, validator
    and help.
    """

    name: ClassVar[str]
    category: ClassVar[str]
    arity: ClassVar[Arity] = Arity(1, 1)
    operand_names: ClassVar[tuple[str, ...]] = ("x",)

    @property
    def result_count(self) -> int:
        """How many values one node of this op produces."""
        return 1

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """Result types from operand types. Unknown dimensions stay unknown; raises ShapeError on nonsense."""
        raise NotImplementedError(type(self).__name__)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        """Role -> canonical array, in the op's own fixed order. Raises ShapeError on nonsense."""
        del operands
        return {}

    @property
    def roles(self) -> tuple[str, ...]:
        """The parameter roles that this payload has, known without shapes."""
        return ()

    def evolve(self, **changes: object) -> Self:
        """The same op with some fields changed. Raises ValueError when they make no sense together."""
        made: Self = attrs.evolve(self, **changes)  # type: ignore[misc]  # every declared op is an attrs class
        return made

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


@dataclass_transform(kw_only_default=True, frozen_default=True)
def op(name: str, category: str) -> Callable[[Class], Class]:
    """Declare an op class: attrs-frozen, keyword-only, equal by fields, named `name` in the text form."""

    def declare(cls: Class) -> Class:
        made: Any = attrs.frozen(cls, kw_only=True, slots=False, eq=False, repr=False)
        made.name = name
        made.category = category
        return made  # type: ignore[no-any-return]

    return declare


def fields_of(cls: type[Op] | Op) -> tuple[attrs.Attribute[Any], ...]:
    """The declared fields of an op class, in order."""
    kind = cls if isinstance(cls, type) else type(cls)
    return attrs.fields(kind)  # type: ignore[arg-type, no-any-return]
