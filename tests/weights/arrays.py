"""What tests of weight files share: arrays in memory as lazy ones, and files read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from transpiler.diagnostics import Severity, Sink
from transpiler.ir import DType, LazyArray
from transpiler.weights.layer_arrays import LayerArrays
from transpiler.weights.reading import read_weights
from transpiler.weights.stored import WeightFile

DTYPES = {
    "float16": DType.FLOAT16,
    "float32": DType.FLOAT32,
    "float64": DType.FLOAT64,
    "int8": DType.INT8,
    "int16": DType.INT16,
    "int32": DType.INT32,
    "int64": DType.INT64,
    "uint8": DType.UINT8,
}


def lazy(array: Any) -> LazyArray:
    """An array in memory as one that is decoded when it is asked for."""
    found = np.asarray(array)
    return LazyArray(found.shape, DTYPES[str(found.dtype)], lambda: found)


def layer(path: str, arrays: Sequence[Any], type: str = "Dense") -> LayerArrays:
    return LayerArrays(path, type, tuple(map(lazy, arrays)))


def loaded(file: WeightFile) -> dict[str, list[Any]]:
    """All arrays by layer."""
    return {path: [one.array.load() for one in stored] for path, stored in file.layers.items()}


def read(path: Path, config: Any = None) -> dict[str, list[Any]]:
    """All arrays of a file by layer; reading it must find nothing wrong."""
    sink = Sink()
    file = read_weights(str(path), sink, config)
    assert [item.message for item in sink.diagnostics if item.severity is Severity.ERROR] == []
    for stored in file.layers.values():
        for one in stored:
            array = one.array.load()
            assert array.shape == one.array.shape
            assert DTYPES.get(str(array.dtype)) == one.array.dtype
    return loaded(file)


def assert_same(found: Mapping[str, Sequence[Any]], expected: Mapping[str, Sequence[Any]]) -> None:
    """Every array of every layer, bit for bit."""
    assert set(found) == set(expected)
    for path, arrays in expected.items():
        assert [array.shape for array in found[path]] == [np.shape(array) for array in arrays], path
        for mine, other in zip(found[path], arrays, strict=True):
            assert np.array_equal(mine, other, equal_nan=True), path
