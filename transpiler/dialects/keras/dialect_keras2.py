"""The rows of Keras 2, whose spelling is that of Keras 3 until it is written."""

from __future__ import annotations

from typing import Final

import msgspec

from transpiler.dialects.keras.calls import call_of
from transpiler.dialects.keras.defaults_keras2 import KERAS2_DEFAULTS
from transpiler.dialects.keras.dialect import FUNCTIONS, LAYERS
from transpiler.dialects.keras.downgrade import KERAS2_ACTIVATIONS, downgrade_layer
from transpiler.dialects.keras.model import TensorRef
from transpiler.dialects.keras.operations import ROW_BY_CLASS
from transpiler.dialects.keras.operations_convert import function_from_operation
from transpiler.dialects.keras.operations_special import SPECIAL_WRITERS
from transpiler.dialects.keras.rows_core import CONSTANT, OPAQUE
from transpiler.dialects.keras.rows_retired import LOCAL_ROWS_OF_KERAS2
from transpiler.dialects.keras.spelling import CALL, SYNTHETIC
from transpiler.dialects.keras.upgrade_objects import HARD_SIGMOID_02
from transpiler.dialects.rows import Dialect, Native, Refusal, Row, rows_of
from transpiler.ir import Node

KERAS2_FUNCTIONS: Final = KERAS2_ACTIVATIONS | {HARD_SIGMOID_02}
KERAS2_OPERATIONS: Final = frozenset({*ROW_BY_CLASS, *SPECIAL_WRITERS})


def _writable_in_keras2(row: Row) -> bool:
    """Whether tf-keras has what the row writes: the layer, the function of an activation, what an operation calls."""
    if row.native == "Activation":
        return row.fixed["activation"] in KERAS2_FUNCTIONS
    if "." in row.native:
        return row.native.rpartition(".")[2] in KERAS2_OPERATIONS
    return row.native in KERAS2_DEFAULTS or row.native in (CONSTANT, OPAQUE)


def _exact_in_keras2(row: Row) -> Row:
    """The row, refusing what Keras 2 has the class for but not the argument, the activation or the way of calling."""

    def guard(node: Node) -> Refusal | None:
        native = row.write(node)
        return native if isinstance(native, Refusal) else _unsayable(native)

    return msgspec.structs.replace(row, guard=guard)


def _unsayable(native: Native) -> Refusal | None:
    """Why Keras 2 cannot say what Keras 3 says so."""
    config = {key: value for key, value in native.config.items() if key not in SYNTHETIC}
    if "." not in native.type:
        losses = downgrade_layer(native.type, config).losses
        return Refusal("; ".join(losses)) if losses else None
    class_name = native.type.rpartition(".")[2]
    tensors = [TensorRef(f"x{i}", 0, 0) for i in range(native.operands)]
    call = call_of(native.config.get(CALL), tensors, lambda tensor: tensor, is_operation=True)
    if function_from_operation(class_name, config, call) is None:
        return Refusal(f"Keras 2 has no counterpart of the operation {class_name} as it is used here")
    return None


KERAS2 = Dialect.of(
    "keras2",
    tuple(
        map(
            _exact_in_keras2,
            filter(_writable_in_keras2, (*rows_of(LAYERS), *LOCAL_ROWS_OF_KERAS2, *rows_of(FUNCTIONS))),
        )
    ),
)
"""Only for writing: files of Keras 2 are read in Keras 3's words, by the rows of `KERAS3`."""
