"""The base of all operations: a frozen payload that knows its fields, operands, result types and parameters."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, NoReturn, Self, TypeVar, dataclass_transform

import msgspec

from transpiler.ir.attributes import exactly
from transpiler.ir.types import Shape, TensorType

Class = TypeVar("Class", bound=type)
MOST_CHANGES: Final = 64
"""How many changed versions an op remembers."""


class ShapeError(ValueError):
    """The operands' types make no sense for the operation; the message is shown to the user."""


class ParamSpec(msgspec.Struct, frozen=True):
    """One learned array: its canonical shape (dimensions may be unknown), and whether gradients train it."""

    shape: Shape
    trainable: bool = True


class Arity(msgspec.Struct, frozen=True):
    """How many operands an op takes: between `least` and `most` (None: any number)."""

    least: int
    most: int | None

    def accepts(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f"at least {self.least}"
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


class _Default(enum.Enum):
    REQUIRED = "required"


REQUIRED: Final[Any] = _Default.REQUIRED
"""The default of a field that has none."""


class OpField(msgspec.Struct, frozen=True, eq=False):
    """A declared field of an op. `convert` gives the field's own type or raises ValueError; `kind` describes it."""

    convert: Callable[[Any], Any]
    help: str
    kind: str
    default: Any = REQUIRED
    name: str = ""


class Op:
    """An operation's payload. Subclasses are declared with `@op`, their docstring is their reference page.

    Class attributes: `name` (the text form's word), `category` (the palette's drawer), `operand_names`,
    `arity`. Fields are declared with the functions of `transpiler.ops.fields`; all are given by keyword, converted,
    and never change. `__post_init__` may refuse what single fields cannot.
    """

    __slots__ = ("_evolved", "_hash")

    _evolved: dict[Any, Any]
    _hash: int
    _fields: ClassVar[tuple[OpField, ...]] = ()
    name: ClassVar[str]
    category: ClassVar[str]
    arity: ClassVar[Arity] = Arity(1, 1)
    operand_names: ClassVar[tuple[str, ...]] = ("x",)
    remembered: ClassVar[bool] = True
    """Whether what it infers is worth remembering: its payload is small, and says all."""

    def __init__(self, **values: Any) -> None:
        state = vars(self)
        for field in self._fields:
            value = values.pop(field.name, field.default)
            if value is REQUIRED:
                raise TypeError(f"{self.name} needs {field.name}")
            state[field.name] = field.convert(value)
        if values:
            raise TypeError(f"{self.name} has no field {', '.join(values)}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """Raises ValueError when the fields make no sense together."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{self.name} never changes: {name} cannot be set")

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
        """The same op with some fields changed. Raises ValueError when they make no sense together.

        The same change of the same object gives the same object again, so that ops stay shared.
        """
        try:
            key = exactly(changes)
        except TypeError:
            return type(self)(**{**vars(self), **changes})
        try:
            known: dict[object, Self] = self._evolved
        except AttributeError:
            known = {}
            object.__setattr__(self, "_evolved", known)
        made = known.get(key)
        if made is None:
            if len(known) >= MOST_CHANGES:
                known.clear()
            made = known[key] = type(self)(**{**vars(self), **changes})
        return made

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and vars(self) == vars(other))

    def __hash__(self) -> int:
        # Ops are keys of every memo, so each computes its hash once.
        try:
            return self._hash
        except AttributeError:
            found = hash((type(self), *vars(self).values()))
            object.__setattr__(self, "_hash", found)
            return found

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: the rest is remembered for this process only."""
        return vars(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


@dataclass_transform(kw_only_default=True, frozen_default=True)
def op(name: str, category: str) -> Callable[[Class], Class]:
    """Declare an op class, whose name in the text form is `name`. Fields of its own replace inherited ones."""

    def declare(cls: Class) -> Class:
        made: Any = cls
        own = {key: value for key, value in vars(cls).items() if isinstance(value, OpField)}
        for key in own:
            delattr(cls, key)
        inherited = (field for field in made._fields if field.name not in own)
        made._fields = (*inherited, *(msgspec.structs.replace(field, name=key) for key, field in own.items()))
        made.name = name
        made.category = category
        return cls

    return declare


def fields_of(cls: type[Op] | Op) -> tuple[OpField, ...]:
    """The declared fields of an op class, in order."""
    return cls._fields
