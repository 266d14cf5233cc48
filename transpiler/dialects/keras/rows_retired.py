"""Rows of layers that Keras 3 no longer has. They are always read, and written where some Keras has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from transpiler.dialects.keras.activations import read_activation, write_activation
from transpiler.dialects.keras.rows_convolution import LOCAL_ROWS
from transpiler.dialects.keras.spelling import KerasRow, checked, required_link
from transpiler.dialects.rows import Link, Native
from transpiler.ops.fields import to_float, to_int
from transpiler.ops.normalization import LRN
from transpiler.ops.retired import Highway, MaxoutDense, ParametricSoftplus, SRelu


def _axes(value: Any) -> Any:
    return () if value is None else value


def _lrn(native: Native) -> Mapping[str, Any]:
    """LRN2D of Keras 0: across channels, and alpha is not divided by the number of neighbours."""
    size = checked("n", to_int, native.config.get("n", 5))
    return {
        "size": size,
        "alpha": checked("alpha", to_float, native.config.get("alpha", 1e-4)) * size,
        "axis": 1,
    }


LOCAL_ROWS_OF_KERAS2 = tuple(LOCAL_ROWS.values())
READ_LOCAL_ROWS = tuple(msgspec.structs.replace(row, read_only=True) for row in LOCAL_ROWS_OF_KERAS2)

RETIRED_ROWS = (
    KerasRow(
        "Highway",
        Highway,
        links=(
            Link("activation", "activation", "linear", read_activation, write_activation),
            Link("bias", "use_bias", True),
        ),
        read_only=True,
    ),
    KerasRow(
        "MaxoutDense",
        MaxoutDense,
        links=(
            required_link("units", "units"),
            Link("pieces", "nb_feature", 4),
            Link("bias", "use_bias", True),
        ),
        read_only=True,
    ),
    KerasRow("SReLU", SRelu, links=(Link("shared_axes", "shared_axes", (), _axes),), read_only=True),
    KerasRow(
        "ParametricSoftplus",
        ParametricSoftplus,
        links=(Link("shared_axes", "shared_axes", (), _axes),),
        read_only=True,
    ),
    KerasRow(
        "LRN2D",
        LRN,
        links=(Link("beta", "beta", 0.75), Link("k", "k", 2)),
        reads=("n", "alpha"),
        get=_lrn,
        read_only=True,
    ),
)
"""Read in any file; no Keras that is written has them."""
