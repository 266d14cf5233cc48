"""Data of IR text: extras, op fields, parameter uses."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from transpiler.diagnostics import Fix, Sink, Span
from transpiler.ir import Constant, Extras, Flip, Op, ParamUse, Permute, Regroup, Relayout, Reshape, Take
from transpiler.ir.attributes import NO_EXTRAS
from transpiler.ir.op import REQUIRED, OpField, fields_of
from transpiler.ops.registry import OPS
from transpiler.syntax import irtext as syntax
from transpiler.syntax.symbol import Symbol

OP_KINDS = ("op", "list of ops")
"""Kinds of fields whose values are ops."""


def lower_extras(tree: syntax.Table | None, sink: Sink, default: Extras = NO_EXTRAS) -> Extras:
    """Framework -> its fields, `default` where nothing is written. Anything else is reported."""
    if tree is None:
        return default
    made: dict[str, dict[str, Any]] = {}
    for key, entry in _entries(tree, sink).items():
        if isinstance(entry.value, syntax.Table):
            made[key] = _plain(entry.value, sink)
        else:
            sink.error("T0323", f"extras of {key} are fields in braces", entry.key.span)
    return made


def lower_op(name: syntax.Name, fields: syntax.Table | None, sink: Sink) -> Op | None:
    """The op of a name and its fields, or None if the op or one of the fields is not as it should be."""
    kind = OPS.get(name.text)
    if kind is None:
        _unknown("T0310", f"there is no op {name.text}", name, OPS, sink)
        return None
    known = {field.name: field for field in fields_of(kind)}
    values: dict[str, Any] = {}
    bad = False
    for key, entry in (_entries(fields, sink) if fields else {}).items():
        if key not in known:
            _unknown("T0311", f"{name.text} has no field {key}", entry.key, known, sink)
            bad = True
            continue
        values[key] = _plain(entry.value, sink, ops=known[key].kind in OP_KINDS)
        bad |= _lost(values[key], known[key]) or not _converts(known[key], values[key], entry, sink)
    missing = [key for key, field in known.items() if field.default is REQUIRED and key not in values]
    if missing:
        said = " and ".join(missing)
        sink.error("T0312", f"{name.text} needs {said}", name.span, help=known[missing[0]].help)
    return None if bad or missing else _construct(kind, values, name, sink)


def lower_use(tree: syntax.Use, node: str, op: Op | None, sink: Sink) -> Iterable[ParamUse]:
    """The use of an array for one role of an op, or nothing if the op has no such role."""
    role = tree.role.text
    if op is not None and role not in op.roles:
        _unknown("T0321", f"this {op.name} has no parameter {role}", tree.role, op.roles, sink)
        return
    steps = tuple(step for line in tree.steps for step in _step(line, sink))
    constant = None
    if tree.constant is not None:
        value = tree.constant.value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            constant = Constant(float(value))
        else:
            sink.error("T0321", "the constant is a number", tree.constant.span)
    yield ParamUse(role, tree.symbol.text if tree.symbol else f"{node}/{role}", steps, constant)


def _step(tree: syntax.Step, sink: Sink) -> Iterable[Relayout]:
    if tree.word.text == "regroup":
        yield from _regroup(_plain(tree.numbers, sink), tree, sink)
        return
    numbers = tuple(item.value for item in tree.numbers.items if isinstance(item, syntax.Scalar))
    whole = tuple(n for n in numbers if isinstance(n, int) and not isinstance(n, bool))
    if len(whole) != len(tree.numbers.items):
        sink.error("T0321", f"{tree.word.text} takes a list of whole numbers", tree.numbers.span)
        return
    match tree.word.text:
        case "reshape":
            yield Reshape(whole)
        case "permute" if sorted(whole) == list(range(len(whole))):
            yield Permute(whole)
        case "permute":
            sink.error("T0321", "permute names each axis once", tree.numbers.span)
        case "flip":
            yield Flip(whole)
        case "take" if len(whole) == 3:
            yield Take(*whole)
        case "take":
            sink.error("T0321", "take needs three numbers: axis, start, stop", tree.numbers.span)
        case word:
            message = f"{word} is no change of layout"
            sink.error(
                "T0321", message, tree.word.span, help="there are reshape, permute, regroup, flip and take"
            )


def _regroup(value: Any, tree: syntax.Step, sink: Sink) -> Iterable[Relayout]:
    """`regroup [axis, [[dims], [axes]], …]`: the axis, then one pair of lists for each block."""
    match value:
        case [int(axis), *blocks] if blocks and all(map(_is_block, blocks)):
            yield Regroup(axis, tuple((tuple(dims), tuple(axes)) for dims, axes in blocks))
        case _:
            message = "regroup takes an axis and blocks, each the sizes it is viewed with and their new order"
            sink.error("T0321", message, tree.numbers.span, help="write regroup [1, [[3, 4, 4], [1, 2, 0]]]")


def _is_block(block: Any) -> bool:
    match block:
        case [[*dims], [*axes]]:
            sizes = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in dims)
            return (
                sizes
                and axes == [n for n in axes if type(n) is int]
                and sorted(axes) == list(range(len(dims)))
            )
        case _:
            return False


def _construct(kind: type[Op], values: dict[str, Any], name: syntax.Name, sink: Sink) -> Op | None:
    try:
        return kind(**values)
    except (ValueError, TypeError, OverflowError) as error:
        sink.error("T0313", f"{name.text}: {error}", name.span)
        return None


def _lost(value: Any, field: OpField) -> bool:
    """Whether a nested op could not be made, which has been reported already."""
    kind = field.kind
    return kind in OP_KINDS and (value is None or (isinstance(value, list) and None in value))


def _converts(field: OpField, value: Any, entry: syntax.Entry, sink: Sink) -> bool:
    """Whether the field takes this value; otherwise that is reported at the value."""
    try:
        field.convert(value)
    except (ValueError, TypeError, OverflowError) as error:
        sink.error("T0313", f"{field.name}: {error}", span_of(entry.value), help=field.help)
        return False
    return True


def _entries(tree: syntax.Table, sink: Sink) -> dict[str, syntax.Entry]:
    found: dict[str, syntax.Entry] = {}
    for entry in tree.entries:
        key = entry.key.text
        if key in found:
            related = ((found[key].key.span, "it is given here first"),)
            sink.error("T0322", f"{key} is given twice", entry.key.span, related=related)
        found[key] = entry
    return found


def _plain(tree: syntax.Datum, sink: Sink, *, ops: bool = False) -> Any:
    """Plain data of a datum. A nested op becomes an op (None if it is not as it should be), with `ops` a symbol too."""
    match tree:
        case syntax.Scalar(Symbol() as word, span) if ops:
            return lower_op(syntax.Name(str(word), span), None, sink)
        case syntax.Scalar(value):
            return value
        case syntax.List(items):
            return [_plain(item, sink, ops=ops) for item in items]
        case syntax.Table():
            return {key: _plain(entry.value, sink) for key, entry in _entries(tree, sink).items()}
        case syntax.NestedOp(op, fields) if ops:
            return lower_op(op, fields, sink)
        case syntax.NestedOp(op):
            sink.error("T0313", "an op cannot stand here", op.span)
            return None


def span_of(tree: syntax.Datum) -> Span:
    """Where a datum stands."""
    return tree.op.span if isinstance(tree, syntax.NestedOp) else tree.span


def _unknown(code: str, message: str, name: syntax.Name, known: Iterable[str], sink: Sink) -> None:
    """Report a name that does not exist, with the one that was probably meant, or all of a few."""
    names = list(known)
    close = get_close_matches(name.text, names, 1)
    if close:
        fixes = (Fix(f"write {close[0]}", name.span, close[0]),)
        sink.error(code, message, name.span, help=f"did you mean {close[0]}?", fixes=fixes)
    else:
        few = 0 < len(names) <= 12
        sink.error(code, message, name.span, help=f"there are {', '.join(names)}" if few else None)
