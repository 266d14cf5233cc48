"""Rows of Keras's preprocessing layers: those that compute the same every time, and those that act only in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from transpiler.dialects.keras.defaults import is_default, keras3_arguments
from transpiler.dialects.keras.spelling import (
    KerasRow,
    data_format,
    read_axes,
    required_link,
    with_fields,
    write_axes,
)
from transpiler.dialects.rows import Link, Native, Refusal, Row
from transpiler.ir import Node
from transpiler.ir.attributes import Attr
from transpiler.ops import preprocessing as p
from transpiler.ops.activation import Affine
from transpiler.ops.fields import to_float

RANDOM_LAYERS: Final = (
    "AugMix", "CutMix", "Equalization", "MixUp", "RandAugment", "Solarization",
    "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomElasticTransform",
    "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert",
    "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomZoom",
)  # fmt: skip
"""Layers that change images while training, most at random, and do nothing otherwise."""


def _settings(native: Native) -> Mapping[str, Any]:
    known = keras3_arguments(native.type)
    fields = {
        key: value for key, value in native.config.items() if key in known and key not in ("name", "dtype")
    }
    said = {key: value for key, value in fields.items() if not is_default(native.type, key, value)}
    return {"kind": native.type, "settings": said}


def _random(native: str) -> Row:
    def put(node: Node) -> Mapping[str, Attr] | Refusal:
        assert isinstance(node.op, p.RandomChange)
        return dict(node.op.settings)

    reads = tuple(key for key in keras3_arguments(native) if key not in ("name", "dtype"))
    return KerasRow(native, p.RandomChange, reads=reads, get=_settings, put=put, guard=_kind_guard(native))


def _kind_guard(native: str) -> Any:
    def guard(node: Node) -> Refusal | None:
        assert isinstance(node.op, p.RandomChange)
        return None if node.op.kind == native else Refusal(f"{native} is not {node.op.kind}")

    return guard


def _one_number(native: Native) -> bool:
    return not any(isinstance(native.config.get(key), (list, tuple)) for key in ("scale", "offset"))


def _axes_or_none(value: Any) -> tuple[int, ...]:
    return () if value is None else read_axes(value)


def _float_or_none(value: Any) -> float:
    return 0.0 if value is None else to_float(value)


PREPROCESSING_ROWS = (
    KerasRow(
        "Rescaling",
        Affine,
        links=(required_link("scale", "scale"), Link("shift", "offset", 0.0, always=True)),
        when=_one_number,
    ),
    KerasRow(
        "Rescaling",
        p.Rescale,
        links=(required_link("scale", "scale"), Link("offset", "offset", 0.0, always=True)),
        when=lambda native: not _one_number(native),
    ),
    KerasRow(
        "Normalization",
        p.Standardize,
        links=(
            Link("axes", "axis", -1, _axes_or_none, lambda v: write_axes(v) if v else None),
            Link("mean", "mean", None),
            Link("variance", "variance", None),
            Link("invert", "invert", False),
        ),
    ),
    KerasRow(
        "CenterCrop",
        p.CenterCrop,
        links=(required_link("height", "height"), required_link("width", "width"), data_format()),
    ),
    *map(
        _random,
        (
            "RandomBrightness",
            "RandomContrast",
            "RandomFlip",
            "RandomRotation",
            "RandomTranslation",
            "RandomZoom",
        ),
    ),
    KerasRow(
        "RandomCrop",
        p.CenterCrop,
        links=(required_link("height", "height"), required_link("width", "width"), data_format()),
        get=with_fields({"random": True}),
    ),
    KerasRow(
        "Resizing",
        p.Resize,
        links=(
            required_link("height", "height"),
            required_link("width", "width"),
            Link("interpolation", "interpolation", "bilinear"),
            Link("crop_to_aspect_ratio", "crop_to_aspect_ratio", False),
            Link("pad_to_aspect_ratio", "pad_to_aspect_ratio", False),
            Link("antialias", "antialias", False),
            Link("fill_value", "fill_value", 0.0, _float_or_none),
            data_format(),
        ),
    ),
)

KERAS3_PREPROCESSING_ROWS = tuple(
    _random(native)
    for native in RANDOM_LAYERS
    if native
    not in (
        "RandomBrightness",
        "RandomContrast",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
    )
)
