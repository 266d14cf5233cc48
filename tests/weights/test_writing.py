"""Weight files are written whole or not at all, and the same weights give the same bytes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.weights.arrays import assert_same, layer, lazy, read
from tests.weights.test_hostile import CONFIG, LAYERS
from transpiler.diagnostics import CompileError
from transpiler.ir import LazyArray
from transpiler.weights.layer_arrays import LayerArrays
from transpiler.weights.unreadable import damaged
from transpiler.weights.writing import (
    write_caffemodel,
    write_keras_archive,
    write_keras_h5,
    write_keras_weights,
    write_npz,
)

pytest.importorskip("h5py")
Write = Callable[[str, Any], None]
WRITERS: dict[str, Write] = {
    "net.caffemodel": lambda path, layers: write_caffemodel(path, "net", layers),
    "weights.npz": write_npz,
    "model.keras": lambda path, layers: write_keras_archive(path, CONFIG, layers),
    "model.weights.h5": lambda path, layers: write_keras_weights(path, CONFIG, layers),
    "model.h5": lambda path, layers: write_keras_h5(path, CONFIG, layers),
    "weights.h5": lambda path, layers: write_keras_h5(path, CONFIG, layers, whole=False),
}
CONFIGS = {"model.weights.h5": json.loads(CONFIG), "weights.h5": json.loads(CONFIG)}
EXPECTED = {one.path: [array.load() for array in one.arrays] for one in LAYERS}


@pytest.mark.parametrize("name", WRITERS)
def test_round_trip(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](str(path), iter(LAYERS))
    assert_same(read(path, CONFIGS.get(name)), EXPECTED)
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", WRITERS)
def test_same_bytes_every_time(name: str, tmp_path: Path) -> None:
    for part in ("first", "second"):
        (tmp_path / part).mkdir()
        WRITERS[name](str(tmp_path / part / name), LAYERS)
    assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_is_left_where_an_array_cannot_be_read(name: str, tmp_path: Path) -> None:
    def broken() -> Any:
        raise damaged("the file ends after 5 bytes, but 9 are wanted from 0")

    def layers() -> Iterator[LayerArrays]:
        yield LAYERS[0]
        yield LayerArrays(
            "inner/deep", "Dense", (LAYERS[1].arrays[0], LazyArray((3,), LAYERS[1].arrays[1].dtype, broken))
        )

    path = tmp_path / name
    path.write_bytes(b"what was there before")
    with pytest.raises(CompileError, match="the file ends after 5 bytes"):
        WRITERS[name](str(path), layers())
    assert path.read_bytes() == b"what was there before"
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", WRITERS)
def test_a_place_that_cannot_be_written_to(name: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError) as error:
        WRITERS[name](str(tmp_path / "absent" / name), LAYERS)
    assert [item.code for item in error.value.diagnostics] == ["T7010"]


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5", "model.h5"])
def test_without_h5py(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(CompileError) as error:
        WRITERS[name](str(tmp_path / name), LAYERS)
    assert [item.code for item in error.value.diagnostics] == ["T7011"]


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5", "model.h5", "weights.h5"])
@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (LAYERS[:2], "the BatchNormalization layer 'inner/normal' is given no arrays"),
        ([*LAYERS, layer("other", [])], "'other' is no layer of the model"),
        ([*LAYERS, LAYERS[0]], "is given twice"),
        ([layer("dense", [np.ones((4, 3))])], "the Dense layer 'dense' has 2 arrays, not 1"),
    ],
    ids=["missing", "unknown", "twice", "too few"],
)
def test_layers_that_do_not_belong_to_the_model(
    name: str, layers: list[LayerArrays], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        WRITERS[name](str(tmp_path / name), layers)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_elements_keep_their_type(name: str, dtype: str, tmp_path: Path) -> None:
    layers = [
        LayerArrays(one.path, one.type, tuple(lazy(array.load().astype(dtype)) for array in one.arrays))
        for one in LAYERS
    ]
    path = tmp_path / name
    WRITERS[name](str(path), layers)
    found = read(path, CONFIGS.get(name))
    assert_same(found, EXPECTED)
    kept = "float32" if (name, dtype) == ("net.caffemodel", "float16") else dtype
    assert {str(array.dtype) for arrays in found.values() for array in arrays} == {kept}


@pytest.mark.parametrize("name", WRITERS)
def test_large_arrays_in_any_order_of_axes(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((3, 300_000)).astype("float32").T
    given = [layer("dense", [kernel, np.ones(3, "float32")]), *LAYERS[1:]]
    path = tmp_path / name
    WRITERS[name](str(path), given)
    assert np.array_equal(read(path, CONFIGS.get(name))["dense"][0], kernel)
