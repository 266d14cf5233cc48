"""Networks of the zoo that Keras has too: the same parameters, and the same layers but for what is explained."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import transpiler
from tests.zoo.structure import Difference, differences, normal_form
from transpiler.zoo import build

_EPSILON = "Keras's authors add a thousandth to it"
_BIAS = "of no effect before normalization"
_POOLED = "Keras pads before pooling; in Caffe the last window hangs over the end"


class Application(msgspec.Struct, frozen=True):
    """A network of `keras.applications` and its name in the zoo."""

    keras: str
    zoo: str
    differences: tuple[Difference, ...] = ()
    biases: int = 0
    """How many numbers Keras's convolutions add before a normalization takes them away again."""


def _residual(convolutions: int) -> tuple[Difference, ...]:
    return (
        Difference("conv.bias: theirs True, ours False", convolutions, _BIAS),
        Difference("batch_norm.epsilon: theirs 1.001e-05, ours 1e-05", convolutions, _EPSILON),
        Difference("max_pool.padding: theirs [[1, 1], [1, 1]], ours [[0, 1], [0, 1]]", 1, _POOLED),
    )


APPLICATIONS = (
    Application("VGG16", "vgg16", (Difference("only ours: dropout", 2, "Keras's is for use alone"),)),
    Application("ResNet50", "resnet50", _residual(53), biases=26_560),
    Application("ResNet101", "resnet101", _residual(104), biases=52_672),
    Application(
        "InceptionV3",
        "inception_v3",
        (Difference("only ours: dropout (rate=0.2)", 1, "the authors' code drops while training"),),
    ),
    Application(
        "DenseNet121",
        "densenet121",
        (Difference("batch_norm.epsilon: theirs 1.001e-05, ours 1e-05", 121, _EPSILON),),
    ),
    Application("MobileNet", "mobilenet"),
)


@pytest.mark.slow
@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda one: one.keras)
def test_is_what_keras_has(application: Application, tmp_path: Path) -> None:
    import keras

    theirs = getattr(keras.applications, application.keras)(weights=None)
    file = tmp_path / "model.json"
    file.write_text(theirs.to_json(), encoding="utf-8")
    ours = build(application.zoo)

    found = transpiler.inspect(ours)
    assert found.param_count == theirs.count_params() - application.biases
    assert [value.shape for value in found.outputs] == [theirs.output_shape]
    read = normal_form(transpiler.read(file), {})
    assert differences(read, normal_form(ours, {})) == {
        one.what: one.layers for one in application.differences
    }
