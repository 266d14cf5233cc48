"""Every network of the zoo in every framework: written without complaint, and the same when it is read again."""

from __future__ import annotations

from typing import Any, Final

import pytest

import transpiler
from transpiler.diagnostics import Severity, Source
from transpiler.ir import Shape
from transpiler.zoo import NETWORKS, Entry, build

TARGETS: Final = ("caffe", "keras", "keras2", "tensorflow")
SIZES: Final[dict[tuple[str, str], dict[str, Shape]]] = {
    ("seq2seq", "caffe"): {"encoder_input": (1, 16, 71), "decoder_input": (1, 59, 93)},
}
"""Sizes that a network leaves to the run, and that a target needs."""
MORE: Final = {("denoising_autoencoder", "caffe"): (8 + 8 + 16) * 2 * 2}
"""Numbers that a target stores for what is not learned: Caffe repeats pixels by convolutions with ones."""
OPEN_AGAIN: Final = {
    ("seq2seq", "tensorflow"): "a loop over any number of steps stays a loop",
    ("lrcn", "keras2"): "tf.expand_dims is written with a list, which is read as an opaque layer",
}
"""What is written, but not read again as what it was."""


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry.name)
def test_is_written_and_read_again(entry: Entry, target: str) -> None:
    module = entry.build()
    key = (entry.name, target)
    sizes = SIZES.get(key)
    written = transpiler.convert(module, target, input_shapes=sizes)
    assert {one.severity for one in written.diagnostics} <= {Severity.NOTE}
    if key in OPEN_AGAIN:
        return
    again = transpiler.inspect(Source(f"<{target}>", written.text))
    assert again.param_count == entry.parameters + MORE.get(key, 0)
    ours = transpiler.inspect(module, input_shapes=sizes)
    assert sorted(map(_elements, again.outputs)) == sorted(map(_elements, ours.outputs))


def _elements(value: Any) -> list[int]:
    """The sizes of one example's result, in no order, which frameworks see differently."""
    return sorted(size for size in value.shape[1:] if size is not None)


@pytest.mark.parametrize(("name", "target"), SIZES)
def test_what_a_target_must_know_is_asked_for(name: str, target: str) -> None:
    with pytest.raises(transpiler.CompileError, match="T5004"):
        transpiler.convert(build(name), target)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["lenet", "siamese_mnist", "vqa", "seq2seq", "denoising_autoencoder", "imdb_cnn_lstm"]
)
def test_keras_loads_it(name: str) -> None:
    import keras

    model = keras.models.model_from_json(transpiler.convert(build(name), "keras").text)
    assert model.count_params() == transpiler.inspect(build(name)).param_count
