"""One Caffe layer as an op and the fields that the op does not model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeGuard, cast

import msgspec

from transpiler.diagnostics import Fix, Sink, Span
from transpiler.dialects.caffe.dialect import CAFFE, split_config
from transpiler.dialects.caffe.fields import RANK, NotModelled, with_short_numbers
from transpiler.dialects.caffe.net_record import LayerRecord
from transpiler.dialects.caffe.parameters import OWN_PARAMETERS
from transpiler.dialects.caffe.record import Record
from transpiler.dialects.caffe.rows_loss import ROWS as LOSS_ROWS
from transpiler.dialects.caffe.typed import to_plain
from transpiler.dialects.rows import FieldError, Native, Row
from transpiler.ir import Op, ParamUse, TensorType
from transpiler.ir.attributes import Attr, exactly
from transpiler.ops.core import Opaque

AUTOMATIC: Final = "(automatic)"
"""What Caffe calls the top that a loss without tops gets."""

WIRING: Final = ("name", "type", "bottom", "top")
ENVELOPE: Final = frozenset(
    {"param", "include", "exclude", "loss_weight", "propagate_down", "phase", "blobs"}
)
"""Fields that every layer may have, whatever its type."""

_AUTOMATIC_TOPS = frozenset(row.native for row in LOSS_ROWS) - {"Accuracy"}
_PAIRWISE = frozenset({"Convolution", "Deconvolution", "Im2col"})


class LoweredLayer(msgspec.Struct, frozen=True):
    """What a layer became. `fields` are those that the op does not model, laid out as in the file."""

    op: Op
    fields: Mapping[str, Attr]
    tops: tuple[str, ...]
    params: tuple[tuple[str, str], ...] = ()
    """Role and shared name of each array that has a name of its own."""


def top_names(layer: LayerRecord) -> tuple[str, ...]:
    """The names of a layer's tops, that of a loss without any included."""
    if not layer.tops and layer.type in _AUTOMATIC_TOPS:
        return (AUTOMATIC,)
    return layer.tops


class _Meaning(msgspec.Struct, frozen=True):
    """What the content of a layer means, wherever it stands."""

    op: Op
    fields: Mapping[str, Attr]
    params: tuple[tuple[str, str], ...]
    config: Mapping[str, Attr]


class LayerReader(msgspec.Struct):
    """Reads the layers of a net. Networks repeat their layers, so each content is interpreted once."""

    sink: Sink
    _known: dict[object, _Meaning] = msgspec.field(default_factory=dict)

    def lower(self, layer: LayerRecord, operands: Sequence[TensorType]) -> LoweredLayer:
        """Read a layer whose bottoms have these types. What cannot be read is reported and kept as an opaque layer."""
        fields = cast("dict[str, Attr]", to_plain(layer.record))
        for name in WIRING:
            fields.pop(name, None)
        tops = top_names(layer)
        rank = operands[0].rank if operands else None
        key = None if "blobs" in fields else (layer.type, len(operands), len(tops), rank, exactly(fields))
        meaning = self._known.get(key)
        if meaning is None:
            fields = {
                name: value if name == "blobs" else with_short_numbers(value)
                for name, value in fields.items()
            }
            meaning = self._read(layer, fields, len(operands), len(tops), rank)
            if meaning is None:
                return _opaque(layer, fields, tops)
            if key is not None:
                self._known[key] = meaning
        _warn_of_ceil_mode(layer, meaning.config, self.sink)
        return LoweredLayer(meaning.op, meaning.fields, tops, meaning.params)

    def _read(
        self, layer: LayerRecord, fields: Mapping[str, Attr], bottoms: int, tops: int, rank: int | None
    ) -> _Meaning | None:
        """What a layer means, None where it cannot be read, which is reported."""
        config = split_config(layer.type, fields)
        if rank is not None:
            config[RANK] = rank
        try:
            row, op = CAFFE.read(Native(layer.type, config, bottoms, tops))
        except KeyError:
            _report_unknown(layer, self.sink)
            return None
        except NotModelled as error:
            _report_not_modelled(layer, error, self.sink)
            return None
        except FieldError as error:
            span = _field_span(layer, error.field)
            where = f"{error.field}: " if error.field else ""
            self.sink.error("T1032", f"layer `{layer.name}` ({layer.type}): {where}{error}", span)
            return None
        if not _counts_fit(layer, op, bottoms, tops, self.sink):
            return None
        return _Meaning(op, _unmodelled(layer.type, row, fields), _shared(layer, row, op, config), config)


def _opaque(layer: LayerRecord, fields: Mapping[str, Attr], tops: tuple[str, ...]) -> LoweredLayer:
    own = {name: value for name, value in fields.items() if name not in ENVELOPE}
    kept = {name: value for name, value in fields.items() if name in ENVELOPE}
    return LoweredLayer(
        Opaque(framework="caffe", type=layer.type, results=len(tops), attributes=own), kept, tops
    )


def _unmodelled(layer_type: str, row: Row, fields: Mapping[str, Attr]) -> dict[str, Attr]:
    """The fields that reading did not use."""
    own = OWN_PARAMETERS.get(layer_type, "")
    kept: dict[str, Attr] = {}
    for name, value in fields.items():
        if name != own or not isinstance(value, Mapping):
            kept[name] = value
            continue
        rest = _without(value, row.consumed)
        if rest:
            kept[name] = rest
    return kept


def _without(message: Mapping[str, Attr], consumed: frozenset[str]) -> dict[str, Attr]:
    """A message without the consumed fields; `inner.field` names a field of a message inside."""
    rest: dict[str, Attr] = {}
    for name, value in message.items():
        inner = frozenset(item.removeprefix(f"{name}.") for item in consumed if item.startswith(f"{name}."))
        left = _without(value, inner) if inner and isinstance(value, Mapping) else value
        if name not in consumed and not (inner and not left):
            rest[name] = left
    return rest


def _shared(layer: LayerRecord, row: Row, op: Op, config: Mapping[str, Attr]) -> tuple[tuple[str, str], ...]:
    """The arrays that `param { name }` lets a layer share with others."""
    specs = layer.record.records("param")
    if not any(spec.has("name") for spec in specs):
        return ()
    arrays = row.arrays(op, config)
    pairs = zip(arrays, specs, strict=False)
    return tuple((array.role, spec.text("name")) for array, spec in pairs if spec.text("name"))


def uses(layer: LoweredLayer, node: str) -> tuple[ParamUse, ...]:
    """The parameter uses of a node of this name that differ from the node's own arrays."""
    return tuple([ParamUse(role, symbol) for role, symbol in layer.params if symbol != f"{node}/{role}"])


def _counts_fit(layer: LayerRecord, op: Op, bottoms: int, tops: int, sink: Sink) -> bool:
    """Whether the op takes as many operands and gives as many results as the layer has bottoms and tops."""
    takes, gives = op.arity.accepts(bottoms), op.result_count == tops
    if takes and gives:
        return True
    if bottoms == tops > 1 and layer.type in _PAIRWISE:
        text = (
            f"layer `{layer.name}` applies {layer.type} to {bottoms} bottoms at once, which is not modelled"
        )
        sink.warning("T1102", text, layer.span, help="write one layer for each, sharing parameters by name")
        return False
    side, count = ("bottom", bottoms) if not takes else ("top", tops)
    wanted = str(op.arity) if not takes else str(op.result_count)
    sink.warning(
        "T1033",
        f"layer `{layer.name}` is kept as written: {layer.type} has {wanted} {side}s, not {count}",
        layer.record.span_of(side),
        notes=("Caffe itself refuses such a net.",),
    )
    return False


def _warn_of_ceil_mode(layer: LayerRecord, config: Mapping[str, Attr], sink: Sink) -> None:
    """Forks' way to say that pooling rounds down has no effect in BVLC Caffe, whose rule is used here."""
    if layer.type != "Pooling" or config.get("ceil_mode") is not False or "round_mode" in config:
        return
    span = _field_span(layer, "ceil_mode")
    sink.warning(
        "T1104",
        f"layer `{layer.name}`: `ceil_mode: false` has no effect, as it is a fork's field: BVLC Caffe rounds up",
        span,
        help="write `round_mode: FLOOR`, which BVLC Caffe knows, to round down",
        fixes=(Fix("write `round_mode: FLOOR`", span, "round_mode: FLOOR"),) if _is_field(span) else (),
    )


def _is_field(span: Span | None) -> TypeGuard[Span]:
    return span is not None and span.text.startswith("ceil_mode")


def _report_unknown(layer: LayerRecord, sink: Sink) -> None:
    sink.warning(
        "T1101",
        f"layer `{layer.name}` has the type `{layer.type}`, which is not known: it is kept as written",
        layer.record.span_of("type"),
        notes=("The shapes of its tops are unknown, and only Caffe text can express it.",),
    )


def _report_not_modelled(layer: LayerRecord, error: NotModelled, sink: Sink) -> None:
    code = "T1103" if layer.type == "Python" else "T1102"
    text = f"layer `{layer.name}` ({layer.type}) is kept as written: {error}"
    sink.warning(code, text, _field_span(layer, error.field))


def _field_span(layer: LayerRecord, field: str) -> Span | None:
    """Where a field of the layer's own parameter message is written, else where the layer is."""
    own = OWN_PARAMETERS.get(layer.type, "")
    record = layer.record
    message = record.get(own) if own and record.has(own) else None
    if isinstance(message, Record):
        place = message.places.get(field, ())
        return next((span for span in place if span is not None), message.span or layer.span)
    return layer.record.span_of("type")
