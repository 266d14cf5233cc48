"""The rows of Keras 2, whose spelling is that of Keras 3 until it is written."""

from __future__ import annotations

from typing import Final

from transpiler.dialects.keras.defaults_keras2 import KERAS2_DEFAULTS
from transpiler.dialects.keras.dialect import FUNCTION_ROWS, LAYER_ROWS
from transpiler.dialects.keras.downgrade import KERAS2_ACTIVATIONS
from transpiler.dialects.keras.operations import ROW_BY_CLASS
from transpiler.dialects.keras.operations_special import SPECIAL_WRITERS
from transpiler.dialects.keras.rows_core import CONSTANT, OPAQUE
from transpiler.dialects.keras.rows_retired import LOCAL_ROWS_OF_KERAS2
from transpiler.dialects.keras.upgrade_objects import HARD_SIGMOID_02
from transpiler.dialects.rows import Dialect, Row

KERAS2_FUNCTIONS: Final = KERAS2_ACTIVATIONS | {HARD_SIGMOID_02}
KERAS2_OPERATIONS: Final = frozenset({*ROW_BY_CLASS, *SPECIAL_WRITERS})


def _writable_in_keras2(row: Row) -> bool:
    """Whether tf-keras has what the row writes: the layer, the function of an activation, what an operation calls."""
    if row.native == "Activation":
        return row.fixed["activation"] in KERAS2_FUNCTIONS
    if "." in row.native:
        return row.native.rpartition(".")[2] in KERAS2_OPERATIONS
    return row.native in KERAS2_DEFAULTS or row.native in (CONSTANT, OPAQUE)


KERAS2 = Dialect(
    "keras2", tuple(filter(_writable_in_keras2, (*LAYER_ROWS, *LOCAL_ROWS_OF_KERAS2, *FUNCTION_ROWS)))
)
"""Only for writing: files of Keras 2 are read in Keras 3's words, by the rows of `KERAS3`."""
