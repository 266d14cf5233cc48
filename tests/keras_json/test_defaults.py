"""The tables of layer arguments against the installed packages, so that they cannot drift."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from transpiler.dialects.keras.defaults import (
    BASE_ARGUMENTS,
    REQUIRED,
    UNDECLARED_ARGUMENTS,
    call_parameters,
    is_default,
    is_training_only,
    keras2_arguments,
    keras3_arguments,
)
from transpiler.dialects.keras.defaults_keras2 import KERAS2_DEFAULTS
from transpiler.dialects.keras.defaults_keras3 import KERAS3_DEFAULTS
from transpiler.dialects.keras.operations import OPERATION_ROWS
from transpiler.dialects.keras.upgrade_objects import (
    KERAS3_ACTIVATIONS,
    KERAS_CONSTRAINTS,
    KERAS_INITIALIZERS,
    KERAS_REGULARIZERS,
    upgrade_initializer,
)

EVERYWHERE = {*BASE_ARGUMENTS, "dynamic"}


def layer_classes(package: Any) -> Iterator[tuple[str, Any]]:
    """Yield the layer classes of a package under their own names."""
    for name in sorted(dir(package.layers)):
        value = getattr(package.layers, name)
        is_layer = inspect.isclass(value) and hasattr(value, "call") and name != "Layer"
        if is_layer and name in (value.__name__, "GroupQueryAttention"):
            yield name, value


def parameters(function: Any) -> list[inspect.Parameter]:
    """Return the parameters of a method that have names."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        each
        for each in list(inspect.signature(function).parameters.values())[1:]
        if each.kind not in variadic
    ]


def plain(value: Any) -> Any:
    """Return a default as the tables have it."""
    if value is inspect.Parameter.empty:
        return REQUIRED
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value


def table_of(package: Any) -> dict[str, dict[str, Any]]:
    """Return what the table of a package must say."""
    return {
        name: {
            each.name: plain(each.default)
            for each in parameters(value.__init__)
            if each.name not in EVERYWHERE
        }
        for name, value in layer_classes(package)
    }


def test_keras_3() -> None:
    keras = pytest.importorskip("keras")
    if not keras.__version__.startswith("3.15"):
        pytest.skip(f"the table is that of Keras 3.15, not {keras.__version__}")
    assert table_of(keras) == KERAS3_DEFAULTS
    for name, value in layer_classes(keras):
        takes = [each.name for each in parameters(value.call)]
        expected = [each for each in call_parameters(name) if each in takes]
        assert [each for each in takes if each in expected] == expected, name


def test_keras_2() -> None:
    tf_keras = pytest.importorskip("tf_keras")
    if not tf_keras.__version__.startswith("2.21"):
        pytest.skip(f"the table is that of tf-keras 2.21, not {tf_keras.__version__}")
    assert table_of(tf_keras) == KERAS2_DEFAULTS


def test_what_keras_3_writes_is_in_the_tables() -> None:
    keras = pytest.importorskip("keras")
    recurrent = keras.layers.LSTM(2)
    layers = [
        recurrent, keras.layers.GRU(2), keras.layers.SimpleRNN(2), keras.layers.ConvLSTM1D(2, 1),
        keras.layers.ConvLSTM2D(2, 1), keras.layers.ConvLSTM3D(2, 1), keras.layers.AdditiveAttention(),
        keras.layers.LayerNormalization(), keras.layers.Dense(2), keras.layers.Conv2D(2, 1),
        keras.layers.BatchNormalization(), keras.layers.Bidirectional(recurrent), keras.layers.Embedding(2, 2),
        keras.layers.MultiHeadAttention(2, 2), keras.layers.StringLookup(), keras.layers.IntegerLookup(),
    ]  # fmt: skip
    for layer in layers:
        name = type(layer).__name__
        assert set(layer.get_config()) <= set(keras3_arguments(name)), name
    assert all(name in KERAS3_DEFAULTS for name in UNDECLARED_ARGUMENTS)


def test_objects_exist() -> None:
    keras = pytest.importorskip("keras")
    assert all(hasattr(keras.initializers, name) for name in KERAS_INITIALIZERS)
    assert all(hasattr(keras.regularizers, name) for name in KERAS_REGULARIZERS)
    assert all(hasattr(keras.constraints, name) for name in KERAS_CONSTRAINTS)
    assert all(callable(keras.activations.get(name)) for name in KERAS3_ACTIVATIONS)


def test_operations_exist() -> None:
    pytest.importorskip("keras")
    from importlib import import_module

    tf_op_layer = pytest.importorskip("tf_keras.src.layers.core.tf_op_layer")
    for row in OPERATION_ROWS:
        operation = getattr(import_module(row.full_module), row.class_name)
        known = {each.name for each in parameters(operation.__init__)}
        assert {option.keras for option in row.options} <= known, row.class_name
        assert callable(tf_op_layer.get_symbol_from_name(row.functions[0])), row.functions[0]


@pytest.mark.parametrize(
    ("class_name", "argument", "value", "expected"),
    [
        ("Conv2D", "strides", [1, 1], True),
        ("Conv2D", "strides", (2, 1), False),
        ("Conv2D", "activation", "linear", True),
        ("Conv2D", "activation", "relu", False),
        ("Conv2D", "kernel_initializer", upgrade_initializer("glorot_uniform"), True),
        ("Conv2D", "kernel_initializer", upgrade_initializer("he_normal"), False),
        ("Conv2D", "data_format", "channels_last", True),
        ("Conv2D", "data_format", "channels_first", False),
        ("Conv2D", "filters", 3, False),
        ("Conv2D", "no_such_argument", None, False),
        ("LSTM", "recurrent_initializer", upgrade_initializer("orthogonal"), True),
        ("LSTM", "zero_output_for_mask", False, True),
        ("Embedding", "embeddings_initializer", upgrade_initializer("uniform"), True),
        ("Embedding", "embeddings_initializer", upgrade_initializer("normal"), False),
        ("BatchNormalization", "axis", [-1], True),
        ("BatchNormalization", "center", 1, False),
        ("Dense", "trainable", True, True),
        ("NoSuchLayer", "trainable", False, False),
        ("Dense", "units", None, False),
    ],
)
def test_is_default(class_name: str, argument: str, value: Any, expected: bool) -> None:
    assert is_default(class_name, argument, value) is expected


def test_training_only() -> None:
    assert is_training_only("kernel_initializer")
    assert is_training_only("activity_regularizer")
    assert not is_training_only("units")
    assert "zero_output_for_mask" in keras2_arguments("LSTM")
