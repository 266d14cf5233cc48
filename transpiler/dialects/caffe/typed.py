"""Reading a parsed message against the schema: every value typed, every misfit reported with its place.

    sink = Sink()
    layer = read_message(message, LAYER, sink)
    layer.record("convolution_param").integer("num_output")

`Reader` shares its account of unknown fields between messages, so that a field that forty layers write is
reported once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from transpiler.diagnostics import Fix, Sink, Span
from transpiler.dialects.caffe.plain import Plain, PlainMessage, from_plain, to_plain
from transpiler.dialects.caffe.record import Record, Single, Value
from transpiler.dialects.caffe.scalars import Misfit, read_scalar
from transpiler.dialects.caffe.schema import (
    MESSAGES,
    EnumSpec,
    FieldSpec,
    FieldType,
    MessageSpec,
    messages_with_field,
)
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Field, Message, Scalar

__all__ = [
    "Plain",
    "PlainMessage",
    "Reader",
    "Record",
    "Single",
    "Value",
    "from_plain",
    "read_message",
    "to_plain",
]


def read_message(message: Message, spec: MessageSpec, sink: Sink) -> Record:
    """Read one message. What does not fit is reported to the sink and left out; nothing is raised."""
    reader = Reader(sink)
    record = reader.read(message, spec)
    reader.report_unknown()
    return record


class Reader(msgspec.Struct):
    """Reads messages and keeps count of the fields that BVLC Caffe does not know."""

    sink: Sink
    _unknown: dict[tuple[str, str], list[Field]] = msgspec.field(default_factory=dict)
    _fork: dict[tuple[str, str], list[Field]] = msgspec.field(default_factory=dict)

    def read(self, message: Message, spec: MessageSpec) -> Record:
        """Read a message; `report_unknown` must follow once all are read."""
        return self.read_fields(message.fields, spec, message.span)

    def read_fields(self, fields: Iterable[Field], spec: MessageSpec, span: Span | None) -> Record:
        """Read fields as those of one message, which stands at `span`."""
        values: dict[str, Value] = {}
        fork: dict[str, Value] = {}
        places: dict[str, tuple[Span | None, ...]] = {}
        unknown: list[Field] = []
        for name, same in _grouped(fields).items():
            field = spec.field(name)
            if field is None:
                self._unknown.setdefault((spec.name, name), []).extend(same)
                unknown.extend(same)
            elif field.fork:
                self._read_fork_field(field, same, spec, fork, places, unknown)
            else:
                self._read_field(field, same, values, places)
        self._check_required(spec, values, span)
        return Record(spec, values, fork, tuple(unknown), span, places)

    def report_unknown(self) -> None:
        """Report, once for each field of each message, what was read that BVLC Caffe does not know."""
        for (message, _), fields in self._unknown.items():
            self._report_unknown_field(MESSAGES[message], fields)
        for (message, name), fields in self._fork.items():
            text = f"`{name}` is a field of forks of Caffe; BVLC Caffe's {message} does not have it"
            self.sink.note("T1002", text, fields[0].name_span, notes=_count_note(fields))
        self._unknown.clear()
        self._fork.clear()

    def _read_field(
        self,
        field: FieldSpec,
        same: list[Field],
        values: dict[str, Value],
        places: dict[str, tuple[Span | None, ...]],
    ) -> None:
        """Read every occurrence of a field of BVLC Caffe; misfits are errors and leave the value out."""
        kept: list[Single] = []
        spans: list[Span | None] = []
        for written, value in self._values(field, same):
            if isinstance(value, Misfit):
                self.sink.error(value.code, value.message, value.span, help=value.help, fixes=value.fixes)
                continue
            if field.enum is not None:
                self._warn_of_fork_value(value, field.enum, field, written)
            kept.append(value)
            spans.append(written.span)
        if kept:
            values[field.name] = tuple(kept) if field.is_repeated else kept[-1]
            places[field.name] = tuple(spans)

    def _read_fork_field(
        self,
        field: FieldSpec,
        same: list[Field],
        owner: MessageSpec,
        fork: dict[str, Value],
        places: dict[str, tuple[Span | None, ...]],
        unknown: list[Field],
    ) -> None:
        """Read a fork's field. Forks differ: a misfit is a warning and leaves the field as it is written."""
        read = self._values(field, same)
        misfits = [value for _, value in read if isinstance(value, Misfit)]
        if misfits:
            text = f"{misfits[0].message}, going by the forks known; it is kept as written"
            self.sink.warning("T1009", text, misfits[0].span, help=misfits[0].help)
            unknown.extend(same)
            return
        if not owner.fork:
            self._fork.setdefault((owner.name, field.name), []).extend(same)
        kept = tuple(value for _, value in read if not isinstance(value, Misfit))
        fork[field.name] = kept if field.is_repeated else kept[-1]
        places[field.name] = tuple(written.span for written, _ in read)

    def _values(self, field: FieldSpec, same: list[Field]) -> list[tuple[Field, Single | Misfit]]:
        """What the fields of one name hold, and where: each its own value, messages merged, or the last one alone."""
        if field.is_repeated:
            if field.message is None:
                return [(written, self._scalar(written, field)) for written in same]
            return [(written, self._message((written,), field.message)) for written in same]
        if len(same) > 1:
            self._warn_of_repetition(field, same)
        if field.message is None:
            return [(same[-1], self._scalar(same[-1], field))]
        return [(same[-1], self._message(same, field.message))]

    def _message(self, written: Sequence[Field], message: str) -> Record | Misfit:
        """One message, written in one or several parts."""
        parts: list[Field] = []
        for part in written:
            if isinstance(part.value, Scalar):
                return _not_a_message(part)
            parts.extend(part.value.fields)
        return self.read_fields(parts, MESSAGES[message], written[-1].value.span)

    def _scalar(self, written: Field, field: FieldSpec) -> Single | Misfit:
        """One value that is not a message."""
        value = written.value
        if isinstance(value, Message):
            return Misfit("T1003", f"`{field.name}` is a single value, not a message", written.name_span)
        return read_scalar(value, field)

    def _warn_of_repetition(self, field: FieldSpec, same: list[Field]) -> None:
        merged = "their fields are merged" if field.type is FieldType.MESSAGE else "the last one counts"
        first = same[0].name_span
        self.sink.warning(
            "T1005",
            f"`{field.name}` is written {len(same)} times but may be written once: {merged}",
            same[-1].name_span,
            related=((first, "first written here"),) if first is not None else (),
            notes=("Caffe itself refuses the file for this.",),
        )

    def _warn_of_fork_value(self, value: Single, enum: EnumSpec, field: FieldSpec, written: Field) -> None:
        if isinstance(value, Symbol) and value in enum.fork_names:
            text = f"`{value}` is a value that forks of Caffe gave `{field.name}`; BVLC Caffe has it not"
            self.sink.warning("T1007", text, written.value.span)

    def _check_required(self, spec: MessageSpec, values: dict[str, Value], span: Span | None) -> None:
        for name in spec.required:
            if name not in values:
                self.sink.error("T1008", f"{spec.name} needs the field `{name}`", span)

    def _report_unknown_field(self, spec: MessageSpec, fields: list[Field]) -> None:
        name, place = fields[0].name, fields[0].name_span
        close = _close_names(name, spec.field_names)
        owners = [owner for owner in messages_with_field(name) if owner != spec.name]
        help = f"did you mean `{close[0]}`?" if close else None
        if help is None and owners:
            help = f"`{name}` is a field of {', '.join(owners[:3])}"
        fix = Fix(f"write `{close[0]}`", place, close[0]) if close and place is not None else None
        self.sink.warning(
            "T1001",
            f"{spec.name} has no field `{name}`: it is kept as written but not understood",
            place,
            notes=_count_note(fields),
            help=help,
            fixes=(fix,) if fix is not None else (),
        )


def _close_names(name: str, known: Sequence[str]) -> list[str]:
    """The known name most like a misspelt one, if any; the ending `_param`, which most share, is left out."""
    from difflib import get_close_matches

    ending = "_param" if name.endswith("_param") else ""
    stems = [other.removesuffix(ending) for other in known if other.endswith(ending)]
    close = get_close_matches(name.removesuffix(ending), stems, n=1, cutoff=0.75)
    return [stem + ending for stem in close]


def _grouped(fields: Iterable[Field]) -> dict[str, list[Field]]:
    groups: dict[str, list[Field]] = {}
    for field in fields:
        groups.setdefault(field.name, []).append(field)
    return groups


def _not_a_message(written: Field) -> Misfit:
    name = written.name
    return Misfit("T1003", f"`{name}` is a message: write `{name} {{ ... }}`", written.value.span)


def _count_note(fields: list[Field]) -> tuple[str, ...]:
    return (f"It is written {len(fields)} times; this is the first.",) if len(fields) > 1 else ()
