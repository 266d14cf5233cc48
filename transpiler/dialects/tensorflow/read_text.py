"""From the syntax tree of protobuf text to raw messages; what does not fit the schema is said once a kind."""

from __future__ import annotations

from typing import Any, Final

from transpiler.diagnostics import Sink
from transpiler.dialects.tensorflow.build import build_graph
from transpiler.dialects.tensorflow.graph_def import GraphDef
from transpiler.dialects.tensorflow.raw import Raw, wanted
from transpiler.dialects.tensorflow.schema import INTEGERS, REALS, SCALARS, SKIPPED, type_name
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Field, Message, Scalar

_LIMITS: Final = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_TRUTH: Final = {
    "true": True,
    "True": True,
    "t": True,
    "1": True,
    "false": False,
    "False": False,
    "f": False,
    "0": False,
}
_MAX_DEPTH: Final = 60


def read_text(message: Message, sink: Sink) -> GraphDef:
    """The graph in a GraphDef, MetaGraphDef or SavedModel written as text; what is wrong goes to the sink."""
    kind = top_kind({field.name for field in message.fields})
    return build_graph(kind, _Reader(sink).message(message, kind), sink)


def top_kind(names: set[str]) -> str:
    """Which message has these fields at the top."""
    if names & {"saved_model_schema_version", "meta_graphs"}:
        return "SavedModel"
    if names & {"graph_def", "meta_info_def", "signature_def", "saver_def", "collection_def"}:
        return "MetaGraphDef"
    return "GraphDef"


class _Reader:
    """Decodes messages; complaints that would repeat for every node are made once."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.said: set[tuple[str, str]] = set()

    def message(self, message: Message, kind: str, depth: int = 0) -> Raw:
        """One message of a kind."""
        fields: dict[str, list[Any]] = {}
        for field in message.fields:
            schema = wanted(kind, field.name)
            if schema is None:
                self._once("T3001", kind, field, f"`{kind}` has no field `{field.name}`; it is ignored")
            elif schema.kind != SKIPPED:
                value = self._value(field, schema.kind, depth)
                if value is not None:
                    fields.setdefault(field.name, []).append(value)
        return Raw(fields, message.span)

    def _value(self, field: Field, kind: str, depth: int) -> Any:
        value = field.value
        if kind in SCALARS:
            if isinstance(value, Scalar):
                return self._scalar(field, value, kind)
            self._wrong(field, f"`{field.name}` is a single value, not a message")
            return None
        if not isinstance(value, Message):
            self._wrong(field, f"`{field.name}` is a message in braces, not a single value")
            return None
        if depth > _MAX_DEPTH:
            self._wrong(field, "functions are nested too deeply")
            return None
        return self.message(value, kind, depth + 1)

    def _scalar(self, field: Field, scalar: Scalar, kind: str) -> Any:
        if kind == "bytes" and scalar.is_string:
            return (lambda: scalar.bytes_value) if field.name == "tensor_content" else scalar.bytes_value
        value = scalar.value
        read: Any = None
        if kind == "string" and scalar.is_string:
            read = value
        elif kind == "bool" and not scalar.is_string:
            read = _TRUTH.get(str(value))
        elif kind in INTEGERS:
            read = self._integer(field, value, kind)
        elif kind in REALS:
            read = _real(value)
        elif kind == "type" and not scalar.is_string:
            read = type_name(value) if isinstance(value, int) else str(value)
        if read is None:
            self._wrong(field, f"`{field.name}` cannot be {scalar.text[:40]}: it is {_NAMES[kind]}")
        return read

    def _integer(self, field: Field, value: object, kind: str) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        low, high = _LIMITS[kind]
        return value if low <= value <= high else None

    def _wrong(self, field: Field, message: str) -> None:
        self.sink.error("T3002", message, field.span)

    def _once(self, code: str, kind: str, field: Field, message: str) -> None:
        if (kind, field.name) not in self.said:
            self.said.add((kind, field.name))
            self.sink.warning(code, message, field.name_span)


_NAMES: Final = {
    **dict.fromkeys(INTEGERS, "a whole number in its type's range"),
    **dict.fromkeys(REALS, "a number"),
    "bool": "true or false",
    "string": "a quoted string",
    "bytes": "a quoted string",
    "type": "the name of an element type, as DT_FLOAT",
}


def _real(value: object) -> float | None:
    if isinstance(value, Symbol):
        name = value.lower()
        return float(name) if name in ("inf", "infinity", "nan") else None
    if isinstance(value, (str, bool)) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
