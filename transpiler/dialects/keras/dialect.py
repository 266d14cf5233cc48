"""All rows of Keras 3. Those of Keras 2 are in `dialect_keras2`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from transpiler.dialects.keras.naming import APPLICATIONS_PACKAGE
from transpiler.dialects.rows import Dialect, Family, Native, Refusal, Row
from transpiler.ir import Node


def _family(module: str, name: str, writes: str, *, of_functions: bool = False) -> Family:
    """The rows that stand under a name in a module of this package; `writes` as in `Family`."""

    def load() -> tuple[Row, ...]:
        rows: tuple[Row, ...] = getattr(import_module(f"transpiler.dialects.keras.{module}"), name)
        return rows

    return Family(load, frozenset(writes.split()), of_functions)


LAYERS: Final = (
    _family("rows_core", "CORE_ROWS", "activation core dense einsum regularization"),
    _family("rows_convolution", "CONVOLUTION_ROWS", "convolution"),
    _family("rows_pooling", "POOLING_ROWS", "pooling"),
    _family("rows_layers", "ACTIVATION_LAYER_ROWS", "activation"),
    _family("rows_layers", "NORMALIZATION_ROWS", "normalization"),
    _family("rows_layers", "REGULARIZATION_ROWS", "regularization"),
    _family("rows_layers", "MERGING_ROWS", "elementwise shape"),
    _family("rows_layers", "RESHAPING_ROWS", "shape"),
    _family("rows_recurrent", "RECURRENT_ROWS", "recurrent recurrent_stack"),
    _family("rows_wrappers", "WRAPPER_ROWS", "wrappers"),
    _family("rows_attention", "ATTENTION_ROWS", "attention"),
    _family("rows_layers", "SHARED_NORMALIZATION_ROWS", "normalization"),
    _family("rows_preprocessing", "PREPROCESSING_ROWS", "activation.Affine preprocessing"),
    _family("rows_layers", "KERAS3_NORMALIZATION_ROWS", "normalization"),
    _family("rows_pooling", "ADAPTIVE_ROWS", "pooling"),
    _family("rows_wrappers", "SPECTRAL_ROWS", "wrappers"),
    _family("rows_attention", "GROUP_QUERY_ROWS", "attention"),
    _family("rows_preprocessing", "KERAS3_PREPROCESSING_ROWS", "preprocessing"),
)
"""What both generations may have."""
FUNCTIONS: Final = (
    _family("rows_operations", "OPERATION_ROWS", "activation array elementwise", of_functions=True),
    _family("rows_array", "REDUCTION_ROWS", "array reduction", of_functions=True),
    _family("rows_array", "MOVING_ROWS", "array dense.MatMul einsum preprocessing shape", of_functions=True),
    _family("rows_slicing", "SLICING_ROWS", "array shape", of_functions=True),
)
"""The functions of `keras.ops`."""
KERAS3: Final = Dialect(
    "keras",
    (
        *LAYERS,
        *FUNCTIONS,
        _family("rows_applications", "APPLICATION_ROWS", "elementwise normalization"),
        _family("rows_retired", "READ_LOCAL_ROWS", ""),
        _family("rows_retired", "RETIRED_ROWS", ""),
    ),
)


def rows_reading(native_type: str) -> tuple[Row, ...]:
    """The rows that read layers of this class."""
    return _readers().get(native_type, ())


@cache
def _readers() -> dict[str, tuple[Row, ...]]:
    found: dict[str, tuple[Row, ...]] = {}
    for row in KERAS3.rows:
        if not row.write_only:
            found[row.native] = (*found.get(row.native, ()), row)
    return found


def spell_as_written(dialect: Dialect, node: Node) -> tuple[Row, Native] | Refusal:
    """How a node is written: by the class that its source layer had, if that can say it, else as the dialect spells it.

    What was an operation stays one, if it can.
    """
    source = node.origin.type
    was_function = source.startswith("ops.")
    rows = tuple(dialect.writers(type(node.op), functions=was_function))
    same_class = [row for row in rows if type_name(row.native) == source]
    same_kind = [row for row in rows if "." in row.native] if was_function else []
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
