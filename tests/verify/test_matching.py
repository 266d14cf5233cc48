"""Finding the source's tensors again in what passes made of them."""

from __future__ import annotations

import numpy as np

from transpiler.diagnostics import Sink, Source
from transpiler.driver.options import Options
from transpiler.driver.targets import TARGETS
from transpiler.passes.layouts import Flattened, Permuted
from transpiler.passes.trail import Moved, Trail
from transpiler.verify.matching import Match, matches, restored
from transpiler.verify.subject import converted, read_subject

IN_PLACE = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 5 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 6 kernel_size: 1 } }
layer { name: "norm" type: "BatchNorm" bottom: "c" top: "c" }
layer { name: "scale" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "c" top: "c" }
layer { name: "flat" type: "Flatten" bottom: "c" top: "f" }
layer { name: "drop" type: "Dropout" bottom: "f" top: "f" }
layer { name: "fc" type: "InnerProduct" bottom: "f" top: "y" inner_product_param { num_output: 7 } }
layer { name: "relu2" type: "ReLU" bottom: "y" top: "y" }
"""


def matched(text: str, target: str) -> dict[str, Match]:
    """The matches of a Caffe net by the name of the source's value."""
    subject = read_subject(Source("net", text), Options(source_format="caffe"), 0, Sink())
    made = converted(subject, TARGETS[target], Sink())
    return {match.source.name: match for match in matches(subject.graph, made.graph, made.trail)}


def test_values_keep_their_names() -> None:
    found = matched(IN_PLACE, "tensorflow")
    assert found["conv"].target.name == "conv"


def test_a_scale_is_found_in_the_normalization_that_it_is_fused_into() -> None:
    found = matched(IN_PLACE, "keras")
    assert found["scale"].target.name == "norm"
    assert "norm" not in found


def test_an_activation_is_found_in_the_layer_that_it_is_folded_into() -> None:
    assert matched(IN_PLACE, "keras")["relu2"].target.name == "fc/activation"


def test_images_lie_channels_last() -> None:
    assert matched(IN_PLACE, "keras")["conv"].layout == Permuted((0, 2, 3, 1))


def test_flattened_images_lie_in_another_order() -> None:
    assert matched(IN_PLACE, "keras")["flat"].layout == Flattened(1, (((6, 4, 5), (1, 2, 0)),))


def test_a_loss_is_not_what_stands_in_its_place() -> None:
    text = IN_PLACE + 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "y" bottom: "label" top: "loss" }'
    label = 'layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 2 } } }'
    assert "loss" not in matched(label + text, "keras")


def test_restored_array_is_the_one_that_was_laid_out() -> None:
    array = np.arange(24).reshape(1, 2, 3, 4)
    layout = Permuted((0, 2, 3, 1))
    assert (restored(array.transpose(layout.axes), layout) == array).all()


def test_restored_vector_has_the_sources_order() -> None:
    array = np.arange(24).reshape(1, 2, 3, 4)
    last = array.transpose(0, 2, 3, 1).reshape(1, 24)
    assert (restored(last, Flattened(1, (((2, 3, 4), (1, 2, 0)),))) == array.reshape(1, 24)).all()


class TestTrail:
    def test_a_value_that_nobody_mentions_stays(self) -> None:
        assert Trail().follow("a") == Moved("a")

    def test_names_are_followed_from_pass_to_pass(self) -> None:
        trail = Trail()
        trail.note({"a": Moved("b")})
        trail.note({"b": Moved("c", Permuted((1, 0)))})
        trail.note({"c": Moved("d")})
        assert trail.follow("a") == Moved("d", Permuted((1, 0)))

    def test_a_tensor_that_is_gone_stays_gone(self) -> None:
        trail = Trail()
        trail.note({"a": None})
        trail.note({"a": Moved("b")})
        assert trail.follow("a") is None
