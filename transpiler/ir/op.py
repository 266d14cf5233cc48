"""The base of all operations: a frozen payload that knows its fields, operands, result types and parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any, ClassVar, Final, Self, TypeVar, dataclass_transform

import attrs

from transpiler.ir.attributes import exactly
from transpiler.ir.types import Shape, TensorType

Class = TypeVar("Class", bound=type)
MOST_CHANGES: Final = 64
"""How many changed versions an op remembers."""


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

    __slots__ = ("_evolved", "_hash")

    _evolved: dict[Any, Any]
    _hash: int
    name: ClassVar[str]
    category: ClassVar[str]
    arity: ClassVar[Arity] = Arity(1, 1)
    operand_names: ClassVar[tuple[str, ...]] = ("x",)
    remembered: ClassVar[bool] = True
    """Whether what it infers is worth remembering: its payload is small, and says all."""

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
        _complete(type(self))
        vars(self).update(state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


@dataclass_transform(kw_only_default=True, frozen_default=True)
def op(name: str, category: str) -> Callable[[Class], Class]:
    """Declare an op class: attrs-frozen, keyword-only, equal by fields, named `name` in the text form.

    attrs writes and compiles code for each class. There are many ops and a network has few of them, so a class is
    completed when it is first used.
    """

    def declare(cls: Class) -> Class:
        made: Any = cls
        made.name = name
        made.category = category
        made.__init__ = _complete_and_initialize
        _PENDING.add(cls)
        return cls

    return declare


_PENDING: Final[set[type]] = set()
"""The classes that attrs has not seen yet."""
_COMPLETING: Final = RLock()


def _complete(cls: type) -> None:
    """Let attrs complete a class, after those it inherits fields from."""
    with _COMPLETING:
        for kind in reversed(cls.__mro__):
            if kind in _PENDING:
                del kind.__init__  # type: ignore[misc]  # attrs gives it its own
                attrs.frozen(kind, kw_only=True, slots=False, eq=False, repr=False)
                _PENDING.discard(kind)


def _complete_and_initialize(self: Op, **values: Any) -> None:
    """What initializes the first instance of a class."""
    _complete(type(self))
    type(self).__init__(self, **values)


def fields_of(cls: type[Op] | Op) -> tuple[attrs.Attribute[Any], ...]:
    """The declared fields of an op class, in order."""
    kind = cls if isinstance(cls, type) else type(cls)
    _complete(kind)
    return attrs.fields(kind)  # type: ignore[arg-type, no-any-return]
