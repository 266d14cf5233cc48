"""What the tests of Keras JSON share."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from transpiler.diagnostics import CompileError, Sink
from transpiler.dialects.keras.model import KerasModel
from transpiler.dialects.keras.reader import read_model
from transpiler.parsers.json import parse

SHARED = Path(__file__).parents[3] / "shared"
CORPUS = SHARED / "corpus" / "keras"
ORACLES = SHARED / "oracle"

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the folder ../shared/corpus/keras is not present"
)


def corpus_files() -> list[Path]:
    """Return the corpus, or nothing where it is absent."""
    return sorted(CORPUS.glob("*.json"))


def read(document: Any, sink: Sink | None = None) -> KerasModel:
    """Read a model from a text or from plain Python."""
    text = document if isinstance(document, str) else json.dumps(document)
    return read_model(parse(text, "model.json"), sink if sink is not None else Sink())


def complaints(document: Any) -> list[tuple[str, str]]:
    """Return the code and message of everything that reading a model complains about."""
    sink = Sink()
    with suppress(CompileError):
        read(document, sink)
    return [(diagnostic.code, diagnostic.message) for diagnostic in sink.diagnostics]


def keras1_layer(class_name: str, **config: Any) -> dict[str, Any]:
    """Return a layer of a Keras 1 Sequential model."""
    return {"class_name": class_name, "config": {"name": "layer", **config}}


def read_layer(class_name: str, *, version: str, **config: Any) -> tuple[str, dict[str, Any]]:
    """Return the class and config that a single layer is upgraded to."""
    document = {
        "class_name": "Sequential",
        "keras_version": version,
        "config": [
            keras1_layer("Masking", batch_input_shape=[None, 4, 4]),
            keras1_layer(class_name, **config),
        ],
    }
    document["config"][0]["config"]["name"] = "first"  # type: ignore[index]
    layer = read(document).layer("layer")
    return layer.class_name, dict(layer.config)
