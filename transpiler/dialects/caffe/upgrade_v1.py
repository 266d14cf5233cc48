"""V1 layers (`layers { type: CONVOLUTION blobs_lr: 1 }`) to today's, as Caffe upgrades them.

Source: `UpgradeV1LayerParameter` and `UpgradeNetDataTransformation` of BVLC Caffe 1.0. A layer type of a
fork, at which Caffe gives up, becomes a layer whose type is the name as written.
"""

from __future__ import annotations

import msgspec

from transpiler.diagnostics import Fix, Sink, Span
from transpiler.dialects.caffe.record import Record, Value
from transpiler.dialects.caffe.schema import LAYER, MESSAGES, V1_TYPES
from transpiler.syntax.symbol import Symbol

__all__ = ["upgrade_v1_layer"]

_PARAM_PARTS: dict[str, str] = {
    "param": "name",
    "blob_share_mode": "share_mode",
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
}
"""Repeated V1 field -> the field of the `param` message of the same position."""

_DATA_PARAMETERS: dict[str, str] = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}
_TRANSFORMATIONS = ("scale", "mean_file", "crop_size", "mirror")
_PARAM_SPEC = MESSAGES["ParamSpec"]


def upgrade_v1_layer(layer: Record, sink: Sink) -> Record:
    """The `LayerParameter` of a `V1LayerParameter`, every field with its place in the text."""
    values: dict[str, Value] = {}
    fork: dict[str, Value] = {}
    for name, value in {**layer.values, **layer.fork}.items():
        field = LAYER.field(name)
        if name in _PARAM_PARTS or name == "type" or field is None:
            continue
        (fork if field.fork else values)[name] = value
    places = {name: layer.places.get(name, ()) for name in (*values, *fork)}
    upgraded = Record(LAYER, values, fork, layer.unknown, layer.span, places)
    if layer.has("type"):
        upgraded = upgraded.with_value("type", _type_name(layer, sink), layer.places.get("type", ()))
    params = _param_specs(layer)
    if params:
        upgraded = upgraded.with_value("param", params, (param.span for param in params))
    return _with_transformation(upgraded)


def _type_name(layer: Record, sink: Sink) -> str:
    from difflib import get_close_matches

    written = layer.text("type")
    if written in V1_TYPES:
        return V1_TYPES[written]
    if not isinstance(written, Symbol):  # a quoted type, which is today's spelling or comes from a V0 layer
        return written
    place = layer.span_of("type")
    close = get_close_matches(written, V1_TYPES, n=1, cutoff=0.8)
    fixes = (Fix(f"write `{close[0]}`", place, f"type: {close[0]}"),) if close and place is not None else ()
    sink.warning(
        "T1015",
        f"`{written}` is not a layer type of BVLC Caffe; the layer is kept under that type",
        place,
        help=f"did you mean `{close[0]}`?" if close else None,
        fixes=fixes,
    )
    return str(written)


def _param_specs(layer: Record) -> tuple[Record, ...]:
    """One `ParamSpec` for each parameter that V1's parallel lists say anything of."""
    columns = {name: layer.get(name) for name in _PARAM_PARTS}
    lists = {name: values for name, values in columns.items() if isinstance(values, tuple)}
    count = max(len(values) for values in lists.values())
    specs: list[Record] = []
    for index in range(count):
        values: dict[str, Value] = {}
        places: dict[str, tuple[Span | None, ...]] = {}
        for name, part in _PARAM_PARTS.items():
            if index < len(lists[name]):
                values[part] = lists[name][index]
                places[part] = (layer.span_of(name, index),)
        span = next((place for spans in places.values() for place in spans if place is not None), layer.span)
        specs.append(Record(_PARAM_SPEC, values, span=span, places=places))
    return tuple(specs)


def _with_transformation(layer: Record) -> Record:
    """A data layer whose scale, mean file, crop size and mirroring stand in `transform_param`."""
    source = _DATA_PARAMETERS.get(layer.text("type"), "")
    if source not in layer.values:
        return layer
    data = layer.record(source)
    moved = [name for name in _TRANSFORMATIONS if data.has(name)]
    if not moved:
        return layer
    transform = layer.record("transform_param")
    if not layer.has("transform_param"):
        transform = msgspec.structs.replace(transform, span=data.span)
    for name in moved:
        transform = transform.with_value(name, data.values[name], data.places.get(name, ()))
    layer = layer.with_value(source, data.without(*moved), layer.places.get(source, ()))
    return layer.with_value("transform_param", transform, (transform.span,))
