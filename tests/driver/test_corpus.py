"""Real files of other people, where they are present: described exactly as the real frameworks describe them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from transpiler.driver.description import Description, LayerDescription
from transpiler.driver.inspect import inspect_source
from transpiler.driver.options import Options
from transpiler.ir import Shape

SHARED: Final = Path(__file__).parents[3] / "shared"
CAFFE: Final = [
    path for path in sorted((SHARED / "oracle" / "caffe").glob("*.json")) if "_solver_" not in path.stem
]
TENSORFLOW: Final = sorted((SHARED / "oracle" / "tensorflow").glob("*.json"))
KERAS: Final = sorted((SHARED / "oracle" / "keras").glob("*.json"))


def _blobs(found: Description) -> dict[str, Shape | None]:
    values = [*found.inputs, *(value for layer in found.layers for value in layer.outputs)]
    return {value.name: value.shape for value in values}


@pytest.mark.skipif(not CAFFE, reason="the corpus is not here")
@pytest.mark.parametrize("phase", ["TEST", "TRAIN"])
@pytest.mark.parametrize("record", CAFFE, ids=lambda path: path.stem)
def test_caffe_shapes(record: Path, phase: str) -> None:
    said = json.loads(record.read_text())[phase]
    if not said["loaded"]:
        pytest.skip("Caffe does not load it")
    source = SHARED / "corpus" / "caffe" / f"{record.stem}.prototxt"
    found = inspect_source(source, Options(phase=phase))
    if said["how"] != "as-is":
        tops = [
            v.name
            for layer in found.layers
            if layer.name in said["data_layers_as_input"]
            for v in layer.outputs
        ]
        shapes = {top: tuple(said["blobs"][top]) for top in tops if top in said["blobs"]}
        found = inspect_source(source, Options(phase=phase, input_shapes=shapes))
    blobs = _blobs(found)
    assert {name: list(blobs.get(name) or ()) for name in said["blobs"]} == said["blobs"]
    kinds = dict(said["layers"])
    for name, shapes in said["params"].items():
        mine = next(layer.params for layer in found.layers if layer.name == name)
        bookkeeping = kinds[name] == "BatchNorm"
        assert [list(shape or ()) for shape in mine.values()] == shapes[: 2 if bookkeeping else None], name


def _reference(name: str) -> dict[str, Any] | None:
    first = SHARED / "oracle" / "keras1" / name
    if first.exists() and (said := json.loads(first.read_text()))["loaded"]:
        return dict(said)
    both = json.loads((SHARED / "oracle" / "keras" / name).read_text())
    return next((both[kind] for kind in ("keras3", "tf_keras") if both[kind]["loaded"]), None)


@pytest.mark.skipif(not KERAS, reason="the corpus is not here")
@pytest.mark.parametrize("record", KERAS, ids=lambda path: path.stem)
def test_keras_shapes(record: Path) -> None:
    said = _reference(record.name)
    if said is None:
        pytest.skip("no Keras loads it")
    found = inspect_source(SHARED / "corpus" / "keras" / record.name)
    layers = {layer.name: layer for layer in found.layers}
    for name, kind, shape, count in said["layers"]:
        assert layers[name].param_count == count, (name, kind)
        assert _shapes(layers[name], shape) == shape, (name, kind)
    assert found.param_count == said["total"]


@pytest.mark.skipif(not TENSORFLOW, reason="the corpus is not here")
@pytest.mark.parametrize("record", TENSORFLOW, ids=lambda path: path.stem)
def test_tensorflow_totals(record: Path) -> None:
    said = json.loads(record.read_text())
    found = inspect_source(SHARED / "corpus" / "tensorflow" / f"{record.stem}.pbtxt")
    assert found.param_count == said["total"]
    assert [list(value.shape or ()) for value in found.outputs] == [said["shape"]]


def _shapes(layer: LayerDescription, like: list[Any]) -> list[Any]:
    """A layer's output shape, or list of shapes, as the reference writes it."""
    shapes = [None if value.shape is None else list(value.shape) for value in layer.outputs]
    return shapes[: len(like)] if like and isinstance(like[0], list) else (shapes[0] or [])
