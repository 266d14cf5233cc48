"""V0 layers (`layers { layer { type: "conv" kernelsize: 5 } }`) to V1, as Caffe upgrades them.

Two steps. First every padding layer is folded into the convolution or pooling behind it. Then each V0 field
moves into the parameter message of its layer type. Source: `UpgradeV0PaddingLayers` and
`UpgradeV0LayerParameter` of BVLC Caffe 1.0. Where those give up on a layer type, its fields stay as written.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from transpiler.diagnostics import Sink, Span
from transpiler.dialects.caffe.record import Record, Value
from transpiler.dialects.caffe.schema import MESSAGES, V0_TYPES, V1_LAYER
from transpiler.syntax.textproto import Field, Message

__all__ = ["fold_padding", "is_v0", "upgrade_v0_layer"]

_PADDING = "padding"
_PARAMETERS: dict[str, str] = {
    "concat": "concat_param",
    "conv": "convolution_param",
    "data": "data_param",
    "dropout": "dropout_param",
    "hdf5_data": "hdf5_data_param",
    "images": "image_data_param",
    "infogain_loss": "infogain_loss_param",
    "innerproduct": "inner_product_param",
    "lrn": "lrn_param",
    "pool": "pooling_param",
    "window_data": "window_data_param",
}
_MOVES: dict[str, tuple[str, str]] = {
    "num_output": ("num_output", "conv innerproduct"),
    "biasterm": ("bias_term", "conv innerproduct"),
    "weight_filler": ("weight_filler", "conv innerproduct"),
    "bias_filler": ("bias_filler", "conv innerproduct"),
    "pad": ("pad", "conv pool"),
    "kernelsize": ("kernel_size", "conv pool"),
    "group": ("group", "conv"),
    "stride": ("stride", "conv pool"),
    "pool": ("pool", "pool"),
    "dropout_ratio": ("dropout_ratio", "dropout"),
    "local_size": ("local_size", "lrn"),
    "alpha": ("alpha", "lrn"),
    "beta": ("beta", "lrn"),
    "k": ("k", "lrn"),
    "source": ("source", "data hdf5_data images window_data infogain_loss"),
    "batchsize": ("batch_size", "data hdf5_data images window_data"),
    "rand_skip": ("rand_skip", "data images"),
    "shuffle_images": ("shuffle", "images"),
    "new_height": ("new_height", "images"),
    "new_width": ("new_width", "images"),
    "concat_dim": ("concat_dim", "concat"),
    "det_fg_threshold": ("fg_threshold", "window_data"),
    "det_bg_threshold": ("bg_threshold", "window_data"),
    "det_fg_fraction": ("fg_fraction", "window_data"),
    "det_context_pad": ("context_pad", "window_data"),
    "det_crop_mode": ("crop_mode", "window_data"),
}
"""V0 field -> its name in the parameter message, and the V0 types whose message it moves to."""

_TRANSFORMATIONS: dict[str, str] = {
    "scale": "scale",
    "meanfile": "mean_file",
    "cropsize": "crop_size",
    "mirror": "mirror",
}
"""V0 field -> its name in `transform_param`, for every layer type."""

_KEPT = ("name", "blobs", "blobs_lr", "weight_decay")
_OUTPUT = "hdf5_output_param"


class _Blob(msgspec.Struct, frozen=True):
    """The padding layer that last wrote a blob, and the blob it pads."""

    padding: Record
    source: str


def is_v0(layer: Record) -> bool:
    """Whether a record is a V1 layer that wraps a V0 layer."""
    return layer.spec.name == V1_LAYER.name and layer.has("layer")


def fold_padding(layers: Sequence[Record], sink: Sink) -> list[Record | None]:
    """The layers, with None for each V0 padding layer, whose `pad` and bottom the layer behind it takes."""
    padded: dict[str, _Blob] = {}
    folded: list[Record | None] = []
    for layer in layers:
        folded.append(None if _is_padding(layer) else _with_padding(layer, padded, sink))
        if _is_padding(layer) and any(name in padded for name in layer.texts("bottom")):
            sink.error("T1017", "a padding layer pads the output of a padding layer", layer.span)
        _note_tops(layer, padded, sink)
    return folded


def _is_padding(layer: Record) -> bool:
    return is_v0(layer) and layer.record("layer").text("type") == _PADDING


def _note_tops(layer: Record, padded: dict[str, _Blob], sink: Sink) -> None:
    bottoms, tops = layer.texts("bottom"), layer.texts("top")
    for name in tops:
        padded.pop(name, None)
    if not _is_padding(layer):
        return
    if len(bottoms) == 1 and len(tops) == 1:
        padded[tops[0]] = _Blob(layer, bottoms[0])
        return
    sink.error("T1017", "a padding layer must read one blob and write one blob", layer.span)


def _with_padding(layer: Record, padded: dict[str, _Blob], sink: Sink) -> Record:
    bottoms = layer.texts("bottom")
    blob = next((padded[name] for name in bottoms if name in padded), None)
    if blob is None:
        return layer
    inner = layer.record("layer")
    if not is_v0(layer) or inner.text("type") not in ("conv", "pool") or len(bottoms) != 1:
        place = blob.padding.span
        sink.error(
            "T1017",
            "only a convolution or pooling layer with one input can follow a padding layer",
            layer.span,
            related=((place, "the padding layer"),) if place is not None else (),
        )
        return layer
    pad = blob.padding.record("layer")
    inner = inner.with_value("pad", pad.integer("pad"), (pad.span_of("pad"),))
    with_pad = layer.with_value("layer", inner, layer.places.get("layer", ()))
    return with_pad.with_value("bottom", (blob.source,), (blob.padding.span_of("bottom"),))


def upgrade_v0_layer(connection: Record, written: Message, sink: Sink) -> Record:
    """A `V1LayerParameter` of V1's own fields for one that wraps a V0 layer; `written` is its text."""
    layer = connection.record("layer")
    kind = layer.text("type")
    upgraded = Record(V1_LAYER, span=connection.span, unknown=connection.unknown + layer.unknown)
    for name in ("bottom", "top"):
        upgraded = _copied(upgraded, connection, name)
    for name in _KEPT:
        upgraded = _copied(upgraded, layer, name)
    if layer.has("type"):
        upgraded = upgraded.with_value("type", V0_TYPES.get(kind, kind), layer.places.get("type", ()))
    _warn_of_ignored(connection, sink)
    if kind in V0_TYPES:
        return _with_parameters(upgraded, layer, kind, sink)
    _warn_of_unknown_type(layer, kind, sink)
    return msgspec.structs.replace(upgraded, unknown=connection.unknown + _unmoved(written))


def _with_parameters(upgraded: Record, layer: Record, kind: str, sink: Sink) -> Record:
    for name, value in layer.values.items():
        if name in _KEPT or name == "type":
            continue
        moved = _destination(name, kind)
        places = layer.places.get(name, ())
        if moved is not None:
            upgraded = _moved(upgraded, moved, value, places, layer.span)
        elif name == _OUTPUT and kind == "hdf5_output":
            upgraded = upgraded.with_value(_OUTPUT, value, places)
        else:
            text = f"`{name}` means nothing in a V0 layer of type `{kind}`; Caffe's upgrade drops it"
            sink.warning("T1016", text, layer.span_of(name))
    return upgraded


def _destination(name: str, kind: str) -> tuple[str, str] | None:
    """The parameter message and the field there that a V0 field of a layer type moves to."""
    if name in _TRANSFORMATIONS:
        return "transform_param", _TRANSFORMATIONS[name]
    to, kinds = _MOVES.get(name, ("", ""))
    return (_PARAMETERS[kind], to) if kind in kinds.split() else None


def _moved(
    layer: Record, to: tuple[str, str], value: Value, places: tuple[Span | None, ...], span: Span | None
) -> Record:
    """The layer with a value in a field of one of its parameter messages, which stands at `span`."""
    message, name = to
    parameters = layer.record(message)
    field = MESSAGES[parameters.spec.name].field(name)
    if field is not None and field.is_repeated and not isinstance(value, tuple):
        value = (value,)
    parameters = parameters.with_value(name, value, places)
    return layer.with_value(message, msgspec.structs.replace(parameters, span=span), (span,))


def _copied(target: Record, source: Record, name: str) -> Record:
    if name not in source.values:
        return target
    return target.with_value(name, source.values[name], source.places.get(name, ()))


def _unmoved(written: Message) -> tuple[Field, ...]:
    """The fields of the wrapped V0 layer that no later generation has a place for, as written."""
    parts = [part.value for part in written.all("layer") if isinstance(part.value, Message)]
    return tuple(field for part in parts for field in part.fields if field.name not in (*_KEPT, "type"))


def _warn_of_ignored(connection: Record, sink: Sink) -> None:
    for name in connection.values:
        if name not in ("bottom", "top", "layer"):
            text = f"`{name}` beside a V0 layer is dropped by Caffe's upgrade; it keeps `bottom` and `top`"
            sink.warning("T1016", text, connection.span_of(name))


def _warn_of_unknown_type(layer: Record, kind: str, sink: Sink) -> None:
    if not layer.has("type"):
        return
    text = f"`{kind}` is not a layer type that Caffe can upgrade; the layer is kept under that type"
    sink.warning("T1015", text, layer.span_of("type"))
