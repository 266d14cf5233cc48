"""Seeded weights and inputs, and how far two arrays are apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.caffe.evaluate import evaluate
from transpiler.builder import Network
from transpiler.diagnostics import CompileError, Sink, Source
from transpiler.driver.api import convert
from transpiler.driver.options import Options
from transpiler.ir import Module
from transpiler.verify.comparison import FAR, difference
from transpiler.verify.subject import Subject, read_subject

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 64 kernel_size: 3 } }
layer { name: "norm" type: "BatchNorm" bottom: "c" top: "c" }
layer { name: "prelu" type: "PReLU" bottom: "c" top: "c" }
"""
WORDS = """
layer { name: "words" type: "Input" top: "words" input_param { shape { dim: 6 dim: 5 } } }
layer { name: "cont" type: "Input" top: "cont" input_param { shape { dim: 6 dim: 5 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 6 dim: 5 } } }
layer { name: "embed" type: "Embed" bottom: "words" top: "e" embed_param { input_dim: 9 num_output: 4 } }
layer { name: "lstm" type: "LSTM" bottom: "e" bottom: "cont" top: "h" recurrent_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "h" bottom: "label" softmax_param { axis: 2 } }
"""


def subject(text: str, seed: int = 0, form: str = "caffe", **options: object) -> Subject:
    made = Options(source_format=form, **options)  # type: ignore[arg-type]
    return read_subject(Source("net", text), made, seed, Sink())


def weights(of: Subject, symbol: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    array = of.store.arrays[symbol].load()
    return np.asarray(array, np.float32)


def _residual(blocks: int) -> Module:
    """Blocks of two convolutions, as in residual networks."""
    net = Network("residual")
    x = net.input("x", (8, 6, 6), batch=1)
    for _ in range(blocks):
        y = net.relu(net.batch_norm(net.conv(x, 8, 3, padding=1)))
        x = net.relu(net.add(x, net.batch_norm(net.conv(y, 8, 3, padding=1))))
    return net.module(x)


class TestWeights:
    def test_numbers_depend_on_the_seed_and_the_name(self) -> None:
        first, again, other = subject(NET), subject(NET), subject(NET, seed=1)
        assert (weights(first, "conv/kernel") == weights(again, "conv/kernel")).all()
        assert (weights(first, "conv/kernel") != weights(other, "conv/kernel")).any()

    def test_numbers_do_not_depend_on_other_layers(self) -> None:
        alone = "\n".join(NET.strip().splitlines()[:2])
        assert (weights(subject(alone), "conv/kernel") == weights(subject(NET), "conv/kernel")).all()

    def test_kernels_keep_the_size_of_signals(self) -> None:
        kernel = weights(subject(NET), "conv/kernel")
        assert kernel.std() == pytest.approx(math.sqrt(2 / 27), rel=0.1)

    def test_variances_are_positive(self) -> None:
        assert weights(subject(NET), "norm/variance").min() > 0

    @pytest.mark.parametrize("blocks", [1, 60])
    def test_residual_networks_keep_the_size_of_signals(self, blocks: int) -> None:
        found = subject(convert(_residual(blocks), "ir").text, form="ir")
        inputs = {name: array.astype(float) for name, array in found.inputs.items()}
        arrays = {name: array.load().astype(float) for name, array in found.store.arrays.items()}
        (last,) = evaluate(found.graph, inputs, arrays)
        assert 0.1 < np.sqrt((last**2).mean()) < 10 * math.sqrt(blocks)

    def test_slopes_are_no_identity(self) -> None:
        slopes = weights(subject(NET), "prelu/alpha")
        assert 0 <= slopes.min() < slopes.max() < 1


class TestInputs:
    def test_images_have_negative_values(self) -> None:
        image = subject(NET).inputs["x"]
        assert image.shape == (4, 3, 8, 8)
        assert image.min() < 0 < image.max()

    def test_numbers_that_are_looked_up_are_whole_and_in_the_table(self) -> None:
        words = subject(WORDS).inputs["words"]
        assert (words == words.astype(int)).all()
        assert words.min() >= 0
        assert 1 < words.max() < 9

    def test_continuation_flags_begin_each_sequence(self) -> None:
        flags = subject(WORDS).inputs["cont"]
        assert (flags[0] == 0).all()
        assert set(np.unique(flags[1:])) == {0, 1}

    def test_labels_are_zeros(self) -> None:
        assert not subject(WORDS).inputs["label"].any()

    def test_open_sizes_get_numbers_with_which_the_network_fits_together(self) -> None:
        text = """
        %a = input() {shape = [?, ?, ?, 2]}
        %b = max_pool(%a) {kernel = [2, 2], strides = [2, 2], data_format = channels_last}
        %c = upsample(%b) {factors = [2, 2], data_format = channels_last}
        %d = add(%a, %c)
        return %d
        """
        assert subject(text, form="ir").inputs["a"].shape == (2, 8, 8, 2)

    def test_sizes_with_which_nothing_fits_are_asked_for(self) -> None:
        text = "%a = input() {shape = [?, ?, 2]}\n%b = reshape(%a) {target = [7, 77]}\nreturn %b"
        with pytest.raises(CompileError) as error:
            subject(text, form="ir")
        assert [one.code for one in error.value.diagnostics] == ["T8103"]


class TestDifference:
    def test_is_relative_to_the_largest_number_of_the_reference(self) -> None:
        found = difference(np.array([4.0, -8.0]), np.array([4.0, -7.0]))
        assert (found.absolute, found.relative) == (1.0, 0.125)

    def test_another_shape_is_far(self) -> None:
        assert difference(np.zeros((2, 3)), np.zeros((3, 2))) == FAR

    def test_the_same_infinities_are_the_same(self) -> None:
        a = np.array([np.inf, np.nan, -np.inf, 1.0])
        assert difference(a, a).absolute == 0

    @pytest.mark.parametrize("other", [np.nan, np.inf, -np.inf])
    def test_what_is_not_finite_on_one_side_is_far(self, other: float) -> None:
        assert difference(np.array([1.0, 2.0]), np.array([1.0, other])) == FAR
        assert difference(np.array([1.0, other]), np.array([1.0, 2.0])) == FAR
