"""Reading a whole net: from the syntax tree to records in one spelling, upgraded as Caffe upgrades old files.

    sink = Sink()
    net = read_net(message, sink)

Caffe's order is kept: V0 to V1, V1 to today's layers, inputs to an Input layer, then old BatchNorm settings.
Source: `UpgradeNetAsNeeded` of BVLC Caffe 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transpiler.diagnostics import Sink
from transpiler.dialects.caffe.net_record import Generation, LayerRecord, NetRecord
from transpiler.dialects.caffe.net_state import check_rules
from transpiler.dialects.caffe.record import Record
from transpiler.dialects.caffe.schema import LAYER, NET, V1_LAYER
from transpiler.dialects.caffe.typed import Reader
from transpiler.syntax.textproto import Field, Message

__all__ = ["read_net"]

_LAYER_FIELDS = {"layer": LAYER, "layers": V1_LAYER}
_INPUT_FIELDS = ("input", "input_shape", "input_dim")
_OLD_BATCH_NORM_PARAMS = 3


class _Written(msgspec.Struct, frozen=True):
    """A layer as the file writes it."""

    record: Record
    text: Message

    @property
    def generation(self) -> Generation:
        if self.record.spec.name == LAYER.name:
            return Generation.V2
        from transpiler.dialects.caffe.upgrade_v0 import is_v0

        return Generation.V0 if is_v0(self.record) else Generation.V1


def read_net(message: Message, sink: Sink) -> NetRecord:
    """Read a net. Whatever is wrong goes to the sink, and what can be read is returned; nothing is raised."""
    if not any(field.name in _LAYER_FIELDS for field in message.fields):
        from transpiler.dialects.caffe.solver import is_solver, report_solver

        if is_solver(message):
            report_solver(message, sink)
            return NetRecord(Record(NET, span=message.span))
    reader = Reader(sink)
    net = reader.read_fields(
        (field for field in message.fields if field.name not in _LAYER_FIELDS), NET, message.span
    )
    written = [_read_layer(field, reader) for field in message.fields if field.name in _LAYER_FIELDS]
    reader.report_unknown()
    layers = _upgraded([layer for layer in written if layer is not None], sink)
    names = net.texts("input")
    if names:
        from transpiler.dialects.caffe.upgrade_input import input_layer

        order = [field.name for field in message.fields if field.name in _INPUT_FIELDS]
        layers.insert(0, input_layer(net, order, sink))
    if not layers and not sink.has_errors:
        sink.error("T1011", "the file describes no network: it has neither a layer nor an input", net.span)
    for layer in layers:
        _check_layer(layer, sink)
    upgraded = tuple(_without_old_batch_norm(layer) for layer in layers)
    return NetRecord(net.without(*_INPUT_FIELDS), upgraded, names)


def _read_layer(field: Field, reader: Reader) -> _Written | None:
    if isinstance(field.value, Message):
        return _Written(reader.read(field.value, _LAYER_FIELDS[field.name]), field.value)
    reader.read_fields((field,), NET, field.span)  # reports that a layer is a message
    return None


def _upgraded(written: Sequence[_Written], sink: Sink) -> list[LayerRecord]:
    """The layers in file order, all as today's."""
    _warn_of_mixture(written, sink)
    folded: Sequence[Record | None] = [layer.record for layer in written]
    if any(layer.generation is Generation.V0 for layer in written):
        from transpiler.dialects.caffe.upgrade_v0 import fold_padding

        folded = fold_padding([layer.record for layer in written], sink)
    return [
        _upgraded_layer(_Written(record, layer.text), sink)
        for layer, record in zip(written, folded, strict=True)
        if record is not None
    ]


def _upgraded_layer(layer: _Written, sink: Sink) -> LayerRecord:
    record, generation = layer.record, layer.generation
    if generation is Generation.V0:
        from transpiler.dialects.caffe.upgrade_v0 import upgrade_v0_layer

        record = upgrade_v0_layer(record, layer.text, sink)
    if generation is not Generation.V2:
        from transpiler.dialects.caffe.upgrade_v1 import upgrade_v1_layer

        record = upgrade_v1_layer(record, sink)
    return LayerRecord.of(record, generation)


def _warn_of_mixture(written: Sequence[_Written], sink: Sink) -> None:
    """Warn where `layers` and `layer` stand in one file: Caffe drops the latter, here all are read."""
    old = next((layer for layer in written if layer.generation is not Generation.V2), None)
    new = next((layer for layer in written if layer.generation is Generation.V2), None)
    if old is None or new is None:
        return
    place = old.record.span
    sink.warning(
        "T1014",
        "`layer` and `layers` are mixed in one file; all are read, in the order written",
        new.record.span,
        related=((place, "an old-style layer"),) if place is not None else (),
        notes=("Caffe itself ignores every `layer` of such a file.",),
    )


def _check_layer(layer: LayerRecord, sink: Sink) -> None:
    check_rules(layer, sink)
    if not layer.type:
        sink.error("T1012", f"layer `{layer.name}` has no type", layer.span)


def _without_old_batch_norm(layer: LayerRecord) -> LayerRecord:
    """A BatchNorm layer with three `param`, as old Caffe wanted: Caffe's upgrade freezes all of them."""
    params = layer.record.records("param") if layer.type == "BatchNorm" else ()
    if len(params) != _OLD_BATCH_NORM_PARAMS:
        return layer
    frozen_params = tuple(
        param.with_value("lr_mult", 0.0, param.places.get("lr_mult", ())).with_value(
            "decay_mult", 0.0, param.places.get("decay_mult", ())
        )
        for param in params
    )
    places = layer.record.places.get("param", ())
    return layer.with_record(msgspec.structs.replace(layer.record.with_value("param", frozen_params, places)))
