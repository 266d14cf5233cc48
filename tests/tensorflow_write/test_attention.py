"""Attention with masks, windows and several axes, and masks that layers pass on unseen: as Keras computes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tensorflow_write.keras_models import agrees, read_model
from transpiler.diagnostics import CompileError

keras = pytest.importorskip("keras")
layers = keras.layers

Call = Callable[[Any, Any, Any], Any]
QUERY, VALUE, MASK = (4, 6), (5, 6), (4, 5)

SINGLE: dict[str, Call] = {
    "both masks": lambda q, v, m: layers.Attention()([q, v], mask=[m[:, :, 0] > 0, m[:, 0] > 0]),
    "query mask, scores": lambda q, v, m: layers.Attention()(
        [q, v], mask=[m[:, :, 0] > 0, None], return_attention_scores=True
    ),
    "value mask, causal": lambda q, v, m: layers.Attention(use_scale=True)(
        [q, v, v], mask=[None, m[:, 0] > 0], use_causal_mask=True
    ),
    "wide value mask": lambda q, v, m: layers.Attention()([q, v], mask=[None, m > 0]),
    "concat": lambda q, v, m: layers.Attention(score_mode="concat", use_scale=True)([q, v]),
    "additive causal": lambda q, v, m: layers.AdditiveAttention(dropout=0.5)(
        [q, v], use_causal_mask=True, return_attention_scores=True
    ),
}
HEADS: dict[str, Call] = {
    "attention mask": lambda q, v, m: layers.MultiHeadAttention(2, 3)(q, v, attention_mask=m > 0),
    "attention mask, scores": lambda q, v, m: layers.MultiHeadAttention(2, 3)(
        q, v, attention_mask=m > 0, return_attention_scores=True
    ),
    "value and key masks": lambda q, v, m: layers.MultiHeadAttention(2, 3)(
        q, v, v, value_mask=m[:, 0] > 0, key_mask=m[:, 1] > 0
    ),
    "nothing counts": lambda q, v, m: layers.MultiHeadAttention(2, 3)(q, v, attention_mask=m > 9),
    "nothing counts, dropout": lambda q, v, m: layers.MultiHeadAttention(2, 3, dropout=0.5)(
        q, v, attention_mask=m > 9
    ),
    "window": lambda q, v, m: layers.MultiHeadAttention(2, 3, sliding_window=2)(q, v),
    "causal window": lambda q, v, m: layers.MultiHeadAttention(2, 3, sliding_window=2, use_gate=True)(
        q, v, use_causal_mask=True
    ),
    "causal dropout": lambda q, v, m: layers.MultiHeadAttention(2, 3, dropout=0.1)(
        q, v, use_causal_mask=True, attention_mask=m > 0
    ),
    "output shape": lambda q, v, m: layers.MultiHeadAttention(2, 3, output_shape=(2, 5))(q, v),
    "shared keys": lambda q, v, m: layers.GroupQueryAttention(3, 4, 2)(q, v, use_causal_mask=True),
    "shared keys, masks": lambda q, v, m: layers.GroupQueryAttention(3, 4, 2, sliding_window=3)(
        q, v, query_mask=m[:, :, 0] > 0, value_mask=m[:, 0] > 0, return_attention_scores=True
    ),
}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    keras.backend.clear_session()


@pytest.mark.parametrize("name", [*SINGLE, *HEADS])
def test_attention_computes_what_keras_does(name: str, tmp_path: Path) -> None:
    inputs = [keras.Input(shape) for shape in (QUERY, VALUE, MASK)]
    model = keras.Model(inputs, {**SINGLE, **HEADS}[name](*inputs))
    rng = np.random.default_rng(0)
    agrees(
        model,
        [rng.standard_normal((2, *shape)).astype("float32") for shape in (QUERY, VALUE, MASK)],
        tmp_path,
    )


@pytest.mark.parametrize("axes", [(1, 2), (2,), (-2,), (1,), None])
def test_heads_attend_over_chosen_axes(axes: tuple[int, ...] | None, tmp_path: Path) -> None:
    query, value = keras.Input((3, 4, 5)), keras.Input((3, 4, 6))
    model = keras.Model([query, value], layers.MultiHeadAttention(2, 3, attention_axes=axes)(query, value))
    rng = np.random.default_rng(0)
    agrees(model, [rng.standard_normal((2, 3, 4, n)).astype("float32") for n in (5, 6)], tmp_path)


def test_heads_need_no_known_length(tmp_path: Path) -> None:
    x = keras.Input((None, 6))
    model = keras.Model(x, layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True))
    agrees(model, [np.random.default_rng(0).standard_normal((2, 4, 6)).astype("float32")], tmp_path)


PASSED: dict[str, Callable[[Any, Any], Any]] = {
    "attention": lambda k, e: k.Attention()([e, e]),
    "attention keyed": lambda k, e: k.AdditiveAttention()([e, e, e]),
    "heads": lambda k, e: k.MultiHeadAttention(2, 3)(e, e),
    "mean": lambda k, e: k.GlobalAveragePooling1D()(e),
    "mean kept": lambda k, e: k.GlobalAveragePooling1D(keepdims=True)(k.Dense(3)(e)),
    "heads, then mean": lambda k, e: k.GlobalAveragePooling1D()(k.MultiHeadAttention(2, 3)(e, e)),
    "attention, then steps": lambda k, e: k.LSTM(3)(k.Attention()([e, e])),
    "operations forget": lambda k, e: k.GlobalAveragePooling1D()(e + 1.0),
}
SENTENCES = np.array([[1, 2, 0, 0, 3], [0, 4, 4, 1, 0]], "int32")


@pytest.mark.parametrize("name", PASSED)
def test_masks_that_an_embedding_starts_are_heeded(name: str, tmp_path: Path) -> None:
    """Files of Keras 2 do not write masks down: they hold all the same."""
    tf_keras = pytest.importorskip("tf_keras")
    tf_keras.backend.clear_session()
    x = tf_keras.Input((5,), dtype="int32")
    model = tf_keras.Model(
        x, PASSED[name](tf_keras.layers, tf_keras.layers.Embedding(5, 4, mask_zero=True)(x))
    )
    agrees(model, [SENTENCES], tmp_path)


@pytest.mark.parametrize("name", ["attention", "attention keyed", "heads", "operations forget"])
def test_masks_that_a_file_of_keras_3_holds_are_heeded(name: str, tmp_path: Path) -> None:
    x = keras.Input((5,), dtype="int32")
    model = keras.Model(x, PASSED[name](layers, layers.Embedding(5, 4, mask_zero=True)(x)))
    agrees(model, [SENTENCES], tmp_path)


def test_who_sees_a_mask_after_heads_is_not_guessed(tmp_path: Path) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    x = tf_keras.Input((5,), dtype="int32")
    e = tf_keras.layers.Embedding(5, 4, mask_zero=True)(x)
    joined = tf_keras.layers.Add()([e, tf_keras.layers.MultiHeadAttention(2, 3)(e, e)])
    model = tf_keras.Model(x, tf_keras.layers.GlobalAveragePooling1D()(joined))
    with pytest.raises(CompileError, match="it heeds a mask"):
        read_model(model, tmp_path)


def test_a_mask_of_queries_alone_is_refused(tmp_path: Path) -> None:
    q, m = keras.Input(QUERY), keras.Input((4,))
    model = keras.Model([q, m], layers.MultiHeadAttention(2, 3)(q, q, query_mask=m > 0))
    with pytest.raises(CompileError, match="do not agree"):
        read_model(model, tmp_path)
