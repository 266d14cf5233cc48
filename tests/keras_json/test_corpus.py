"""Real model files: all are read, and what is written of them reads back as the same."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.keras_json.support import corpus_files, needs_corpus, read
from transpiler.diagnostics import CompileError, Severity, Sink
from transpiler.dialects.keras.defaults import MARKER_ARGUMENTS, is_keras3_layer, keras3_arguments
from transpiler.dialects.keras.model import KerasLayer, KerasModel
from transpiler.dialects.keras.reader import read_model
from transpiler.dialects.keras.writer import to_keras3
from transpiler.dialects.keras.writer_keras2 import to_keras2
from transpiler.syntax.json import from_python

pytestmark = needs_corpus

ODD_VALUES: list[Any] = [
    None, True, 0, -1, 1.5, "", "x", [], {}, [[]], [None], {"a": 1}, ["a", 0, 0], [["a", 0, 0]], {"class_name": "X"},
    {"class_name": "Dense", "config": {}}, float("nan"), [1, "2"], 10**30,
]  # fmt: skip


def all_layers(model: KerasModel) -> list[KerasLayer]:
    """Return the layers of a model and of all models and wrappers in it."""
    found = []
    for layer in model.layers:
        found.append(layer)
        found.extend(layer.inner.values())
        if layer.model is not None:
            found.extend(all_layers(layer.model))
    return found


@pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.stem)
def test_reading(path: Path) -> None:
    sink = Sink()
    model = read(path.read_text(encoding="utf-8"), sink)
    assert not any(diagnostic.severity is Severity.ERROR for diagnostic in sink.diagnostics)
    for layer in all_layers(model):
        assert layer.span is not None
        if is_keras3_layer(layer.class_name) and layer.class_name != "Lambda":
            known = {*keras3_arguments(layer.class_name), *MARKER_ARGUMENTS.get(layer.class_name, ())}
            assert set(layer.config) <= known


@pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.stem)
def test_writing_keras_3_is_a_fixed_point(path: Path) -> None:
    written = to_keras3(read(path.read_text(encoding="utf-8"))).document
    again = to_keras3(read(written))
    assert json.dumps(again.document) == json.dumps(written)


@pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.stem)
def test_keras_2_says_the_same(path: Path) -> None:
    """Going through Keras 2 changes nothing but what is explicit."""
    model = read(path.read_text(encoding="utf-8"))
    through = read(to_keras2(model).document)
    assert [layer.name for layer in through.layers] == [layer.name for layer in model.layers]
    assert [layer.calls for layer in through.layers] == [layer.calls for layer in model.layers]
    assert [layer.class_name for layer in through.layers] == [layer.class_name for layer in model.layers]
    assert (through.inputs, through.outputs) == (model.inputs, model.outputs)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a document."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(found for key, child in children for found in paths_in(child, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a document with another value at a path."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize(
    "name", ["dl4j_keras1_lstm_tddense", "dl4j_keras2_seq2seq", "echohands_cnn_keras3", "mmdnn_mnist_siamese",
             "kerasjs_mnist_vae"],
)  # fmt: skip
def test_damaged_files_are_read_or_refused(name: str) -> None:
    path = next(path for path in corpus_files() if path.stem == name)
    document = json.loads(path.read_text(encoding="utf-8"))
    places = paths_in(document)
    chance = random.Random(name)
    for _ in range(150):
        damaged = changed(document, chance.choice(places), chance.choice(ODD_VALUES))
        sink = Sink()
        with suppress(CompileError):
            model = read_model(from_python(damaged), sink)
            assert not sink.has_errors
            to_keras2(model)
            read(to_keras3(model).document)
