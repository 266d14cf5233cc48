"""Reference pages of the ops, read off their classes and the dialects' rows: nothing here is written by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Any, Final

import msgspec

from transpiler.dialects.rows import plain
from transpiler.driver.frameworks import all_dialects
from transpiler.driver.options import UsageError
from transpiler.ir.attributes import Attr
from transpiler.ir.op import REQUIRED, Op, OpField, fields_of
from transpiler.ops.registry import OPS

_SAMPLES: Final[Mapping[str, tuple[Any, ...]]] = {
    "integer": (1, 2),
    "integer or none": (None,),
    "number": (1.0,),
    "number from 0 to 1": (0.5,),
    "true or false": (True, False),
    "text": ("sum",),
    "list of integers": ((1, 1), (0, 1), (1,), ()),
    "list of integers or none": ((1, 1), (1,)),
    "list of numbers": ((1.0,),),
    "list of pairs": (((0, 0), (0, 0)),),
    "shape": ((1, 1),),
    "list of shapes": (((1, 1),),),
}
"""Values to try for a field that has no default, by kind: enough to ask a payload which parameters it has."""
_MOST_TRIED: Final = 64


class FieldPage(msgspec.Struct, frozen=True):
    """One field of an op. `default` is None and `is_required` true when it must be given."""

    name: str
    kind: str
    help: str
    is_required: bool
    default: Attr = None


class Spelling(msgspec.Struct, frozen=True):
    """A native layer type that stands for the op in a framework, and in which direction."""

    framework: str
    native: str
    is_read: bool
    is_written: bool


class OpPage(msgspec.Struct, frozen=True):
    """Everything there is to say about one op."""

    name: str
    category: str
    description: str
    operands: tuple[str, ...]
    operand_count: str
    fields: tuple[FieldPage, ...]
    parameters: tuple[str, ...]
    spellings: tuple[Spelling, ...]


def page_of(name: str) -> OpPage:
    """The page of the op with this name in the text form. Raises UsageError."""
    if name not in OPS:
        from difflib import get_close_matches

        close = get_close_matches(name, OPS, 1)
        raise UsageError(f"there is no op {name!r}" + (f"; did you mean {close[0]}?" if close else ""))
    op = OPS[name]
    return OpPage(
        name=name,
        category=op.category,
        description=cleandoc(op.__doc__ or ""),
        operands=op.operand_names,
        operand_count=str(op.arity),
        fields=tuple(map(_field, fields_of(op))),
        parameters=_roles(op),
        spellings=tuple(_spellings(op)),
    )


def all_pages() -> tuple[OpPage, ...]:
    """The pages of all ops, in the order of the registry."""
    return tuple(map(page_of, OPS))


def _field(field: OpField) -> FieldPage:
    required = field.default is REQUIRED
    default = None if required else plain(field.default)
    return FieldPage(field.name, field.kind, field.help, required, default)


def _roles(op: type[Op]) -> tuple[str, ...]:
    """Every role that some payload of the op has: payloads with each flag on and off are asked."""
    found: dict[str, None] = {}
    for payload in _payloads(op):
        found.update(dict.fromkeys(payload.roles))
    return tuple(found)


def _payloads(op: type[Op]) -> Iterator[Op]:
    choices: list[list[tuple[str, Any]]] = []
    for field in fields_of(op):
        kind = field.kind
        if field.default is REQUIRED:
            choices.append([(field.name, value) for value in _SAMPLES.get(kind, (None,))])
        elif kind == "true or false":
            choices.append([(field.name, field.default), (field.name, not field.default)])
    for values in itertools.islice(itertools.product(*choices), _MOST_TRIED):
        try:
            yield op(**dict(values))
        except (ValueError, TypeError, AttributeError):  # these values do not go together
            continue


def _spellings(op: type[Op]) -> Iterator[Spelling]:
    for dialect in all_dialects():
        found: dict[str, list[bool]] = {}
        for row in dialect.rows:
            if row.op is op:
                read, written = found.setdefault(row.native, [False, False])
                found[row.native] = [read or not row.write_only, written or not row.read_only]
        for native, (read, written) in found.items():
            yield Spelling(dialect.name, native, read, written)
