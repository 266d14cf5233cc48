"""All rows of Keras 3. Those of Keras 2 are in `dialect_keras2`."""

from __future__ import annotations

from functools import cache

import msgspec

from transpiler.dialects.keras.naming import APPLICATIONS_PACKAGE
from transpiler.dialects.keras.rows_applications import APPLICATION_ROWS
from transpiler.dialects.keras.rows_array import MOVING_ROWS, REDUCTION_ROWS
from transpiler.dialects.keras.rows_attention import ATTENTION_ROWS, GROUP_QUERY_ROWS
from transpiler.dialects.keras.rows_convolution import CONVOLUTION_ROWS
from transpiler.dialects.keras.rows_core import CORE_ROWS
from transpiler.dialects.keras.rows_layers import (
    ACTIVATION_LAYER_ROWS,
    KERAS3_NORMALIZATION_ROWS,
    MERGING_ROWS,
    NORMALIZATION_ROWS,
    REGULARIZATION_ROWS,
    RESHAPING_ROWS,
    SHARED_NORMALIZATION_ROWS,
)
from transpiler.dialects.keras.rows_operations import OPERATION_ROWS
from transpiler.dialects.keras.rows_pooling import ADAPTIVE_ROWS, POOLING_ROWS
from transpiler.dialects.keras.rows_preprocessing import KERAS3_PREPROCESSING_ROWS, PREPROCESSING_ROWS
from transpiler.dialects.keras.rows_recurrent import RECURRENT_ROWS
from transpiler.dialects.keras.rows_retired import LOCAL_ROWS_OF_KERAS2, RETIRED_ROWS
from transpiler.dialects.keras.rows_slicing import SLICING_ROWS
from transpiler.dialects.keras.rows_wrappers import SPECTRAL_ROWS, WRAPPER_ROWS
from transpiler.dialects.rows import Dialect, Native, Refusal, Row
from transpiler.ir import Node

LAYER_ROWS = (
    *CORE_ROWS,
    *CONVOLUTION_ROWS,
    *POOLING_ROWS,
    *ACTIVATION_LAYER_ROWS,
    *NORMALIZATION_ROWS,
    *REGULARIZATION_ROWS,
    *MERGING_ROWS,
    *RESHAPING_ROWS,
    *RECURRENT_ROWS,
    *WRAPPER_ROWS,
    *ATTENTION_ROWS,
    *SHARED_NORMALIZATION_ROWS,
    *PREPROCESSING_ROWS,
    *KERAS3_NORMALIZATION_ROWS,
    *ADAPTIVE_ROWS,
    *SPECTRAL_ROWS,
    *GROUP_QUERY_ROWS,
    *KERAS3_PREPROCESSING_ROWS,
)
FUNCTION_ROWS = (*OPERATION_ROWS, *REDUCTION_ROWS, *MOVING_ROWS, *SLICING_ROWS)

ROWS = (
    *LAYER_ROWS,
    *FUNCTION_ROWS,
    *APPLICATION_ROWS,
    *(msgspec.structs.replace(row, read_only=True) for row in LOCAL_ROWS_OF_KERAS2),
    *RETIRED_ROWS,
)
KERAS3 = Dialect("keras", ROWS)


def rows_reading(native_type: str) -> tuple[Row, ...]:
    """The rows that read layers of this class."""
    return _readers().get(native_type, ())


@cache
def _readers() -> dict[str, tuple[Row, ...]]:
    found: dict[str, tuple[Row, ...]] = {}
    for row in ROWS:
        if not row.write_only:
            found[row.native] = (*found.get(row.native, ()), row)
    return found


def spell_as_written(dialect: Dialect, node: Node) -> tuple[Row, Native] | Refusal:
    """How a node is written: by the class that its source layer had, if that can say it, else as the dialect spells it.

    What was an operation stays one, if it can.
    """
    source = node.origin.type
    rows = dialect.writers(type(node.op))
    same_class = [row for row in rows if type_name(row.native) == source]
    same_kind = [row for row in rows if "." in row.native] if source.startswith("ops.") else []
    for row in (*same_class, *same_kind):
        native = row.write(node)
        if isinstance(native, Native):
            return row, native
    return dialect.spell(node)


@cache
def type_name(native_type: str) -> str:
    """What people see as a layer's type: its class, for operations with `ops.` before it."""
    package, _, class_name = native_type.rpartition(".")
    return f"ops.{class_name}" if package and not package.startswith(APPLICATIONS_PACKAGE) else class_name
