"""Writing networks in Python: what calls make, what they refuse, and what becomes of the module."""

from __future__ import annotations

import doctest
from collections.abc import Callable

import numpy as np
import pytest

import transpiler
import transpiler.builder.network
from transpiler.builder import Network, NetworkError
from transpiler.ir import DType, Value
from transpiler.ir.text.printer import print_module
from transpiler.ir.verifier import verify
from transpiler.ops.array import TopK
from transpiler.ops.dense import Dense
from transpiler.ops.recurrent import GRU


def test_the_documentation_is_true() -> None:
    done = doctest.testmod(transpiler.builder.network, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert done.attempted
    assert not done.failed


def small() -> tuple[Network, Value]:
    net = Network("small")
    return net, net.input("image", (3, 8, 8))


def test_calls_are_nodes() -> None:
    net, x = small()
    x = net.relu(net.conv(x, 4, 3, padding=1, name="conv"))
    text = print_module(net.module(net.max_pool(x, 2, 2)))
    assert text == (
        'module "small" from python {\n'
        'graph "small" {\n'
        "  %image = input() {shape = [?, 3, 8, 8]} : f32[?, 3, 8, 8]\n"
        "  %conv = conv(%image) {filters = 4, kernel = [3, 3], strides = [1, 1], dilations = [1, 1], "
        "padding = [[1, 1], [1, 1]]} : f32[?, 4, 8, 8]\n"
        "  %relu_1 = relu(%conv) : f32[?, 4, 8, 8]\n"
        "  %max_pool_1 = max_pool(%relu_1) {kernel = [2, 2], strides = [2, 2]} : f32[?, 4, 4, 4]\n"
        "  return %max_pool_1\n"
        "}\n"
        "}\n"
    )


def test_channels_may_be_last() -> None:
    net = Network("small", data_format="channels_last")
    x = net.input("image", (8, 8, 3))
    x = net.batch_norm(net.concat(x, net.conv(x, 4, 3, 1, "same")))
    module = net.module(net.lrn(x))
    assert module.graph("").outputs[0].type.shape == (None, 8, 8, 7)
    assert transpiler.inspect(module).param_count == 3 * 3 * 3 * 4 + 4 + 4 * 7


Call = Callable[[Network, Value], object]
CALLS: dict[str, tuple[Call, tuple[int | None, ...]]] = {
    "conv": (lambda n, x: n.conv(x, 4, (3, 1), 2, (1, 0)), (None, 4, 4, 4)),
    "conv with pairs": (lambda n, x: n.conv(x, 4, 3, 2, ((0, 1), (0, 1))), (None, 4, 4, 4)),
    "conv same": (lambda n, x: n.conv(x, 4, 3, 2, "same"), (None, 4, 4, 4)),
    "conv dilated": (lambda n, x: n.conv(x, 6, 3, groups=3, dilation=2), (None, 6, 4, 4)),
    "depthwise_conv": (lambda n, x: n.depthwise_conv(x, 3, multiplier=2), (None, 6, 6, 6)),
    "separable_conv": (lambda n, x: n.separable_conv(x, 5, 3), (None, 5, 6, 6)),
    "conv_transpose": (lambda n, x: n.conv_transpose(x, 5, 4, 2, 1), (None, 5, 16, 16)),
    "max_pool ceil": (lambda n, x: n.max_pool(x, 3, 2, ceil=True), (None, 3, 4, 4)),
    "average_pool": (lambda n, x: n.average_pool(x, 3, 1, 1, count_padding=True), (None, 3, 8, 8)),
    "global_max_pool": (lambda n, x: n.global_max_pool(x), (None, 3)),
    "global_average_pool": (lambda n, x: n.global_average_pool(x, keep=True), (None, 3, 1, 1)),
    "upsample": (lambda n, x: n.upsample(x, (2, 3)), (None, 3, 16, 24)),
    "pad": (lambda n, x: n.pad(x, 1), (None, 3, 10, 10)),
    "crop": (lambda n, x: n.crop(x, ((1, 0), (2, 2))), (None, 3, 7, 4)),
    "crop_like": (lambda n, x: n.crop_like(n.pad(x, 3), x, 2), (None, 3, 8, 8)),
    "dense": (lambda n, x: n.dense(x, 9), (None, 9)),
    "dense of the last axis": (lambda n, x: n.dense(x, 9, axis=-1), (None, 3, 8, 9)),
    "activations": (lambda n, x: n.elu(n.prelu(n.sigmoid(n.tanh(x)), shared_axes=(2, 3))), (None, 3, 8, 8)),
    "softmax": (lambda n, x: n.softmax(n.gaussian_noise(x, 0.1), axis=1), (None, 3, 8, 8)),
    "scale": (lambda n, x: n.bias(n.scale(x, bias=True)), (None, 3, 8, 8)),
    "scale by a tensor": (lambda n, x: n.scale(x, n.global_max_pool(x), axis=0), (None, 3, 8, 8)),
    "l2_normalize": (lambda n, x: n.l2_normalize(n.flatten(x)), (None, 192)),
    "sums": (lambda n, x: n.subtract(n.add(x, x, x), n.multiply(x, x)), (None, 3, 8, 8)),
    "extremes": (lambda n, x: n.average(n.maximum(x, x), x), (None, 3, 8, 8)),
    "shapes": (lambda n, x: n.transpose(n.reshape(x, (24, -1)), (0, 2, 1)), (None, 8, 24)),
    "split": (lambda n, x: n.concat(*n.split(x, 2, axis=2), axis=3), (None, 3, 4, 16)),
    "constant": (lambda n, x: n.multiply(x, n.constant([[2.0]])), (None, 3, 8, 8)),
    "lstm": (lambda n, x: n.lstm(n.reshape(x, (8, 24)), 5, sequences=True), (None, 8, 5)),
    "gru": (lambda n, x: n.gru(n.reshape(x, (8, 24)), 5), (None, 5)),
    "simple_rnn": (lambda n, x: n.simple_rnn(n.reshape(x, (8, 24)), 5, backwards=True), (None, 5)),
    "bidirectional": (lambda n, x: n.bidirectional(n.reshape(x, (8, 24)), GRU(units=5)), (None, 10)),
    "time_distributed": (lambda n, x: n.time_distributed(x, Dense(units=5)), (None, 3, 5)),
}


@pytest.mark.parametrize("what", CALLS)
def test_shapes_are_inferred(what: str) -> None:
    call, shape = CALLS[what]
    net, x = small()
    value = call(net, x)
    assert isinstance(value, Value)
    assert value.type.shape == shape
    verify(net.module(value).graph(""), shaped=True)


def test_a_layer_may_have_several_results() -> None:
    net = Network("states")
    output, hidden, cell = net.lstm_with_states(net.input("x", (5, 3)), 4)
    assert {value.type.shape for value in (output, hidden, cell)} == {(None, 4)}
    with pytest.raises(NetworkError, match="top_k gives 2 results"):
        net.layer(TopK(k=2), output)
    assert len(net.apply(TopK(k=2), output)) == 2


def test_words_are_looked_up() -> None:
    net = Network("words")
    x = net.embedding(net.input("words", (7,), dtype="i32"), 100, 16)
    assert (x.type.shape, x.type.dtype) == ((None, 7, 16), DType.FLOAT32)


REFUSED: dict[str, tuple[Call, str]] = {
    "sizes": (lambda n, x: n.conv(x, 4, 9, name="conv1"), r"layer conv1: a window of 9 .*f32\[\?, 3, 8, 8\]"),
    "rank": (lambda n, x: n.conv(n.flatten(x), 4, 3), "flatten_1 is no feature map"),
    "kernel": (lambda n, x: n.conv(x, 4, (3, 3, 3)), "3 numbers for 2 spatial axes"),
    "padding": (lambda n, x: n.conv(x, 4, 3, 1, (1,)), "names 1 axes of 2"),
    "field": (lambda n, x: n.conv(x, 0, 3), "0 is less than 1"),
    "padding's word": (lambda n, x: n.conv(x, 4, 3, 1, "full"), "is no padding"),
    "name": (lambda n, x: n.relu(x, name="image"), "two layers are named image"),
    "no name": (lambda n, x: n.relu(x, name=""), "at least one letter"),
    "foreign value": (lambda n, x: n.relu(small()[1]), "image is not a value of this network"),
    "nothing to join": (lambda n, x: n.concat(), "nothing to join"),
    "arity": (lambda n, x: n.layer(Dense(units=3), x, x), "layer dense_1: dense takes 1 tensors, not 2"),
    "sizes of a sum": (lambda n, x: n.add(x, n.max_pool(x, 2, 2)), "layer add_1: "),
    "dtype": (lambda n, x: n.input("y", (1,), dtype="float"), "input y: 'float'"),
    "size": (lambda n, x: n.input("y", (-1,)), "input y: "),
    "no output": (lambda n, x: n.module(), "at least one output"),
    "foreign output": (lambda n, x: n.module(small()[1]), "not a value of this network"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_makes_no_sense_is_an_error_of_its_call(what: str) -> None:
    call, said = REFUSED[what]
    net, x = small()
    with pytest.raises(ValueError, match=said):
        call(net, x)


def test_a_refused_layer_leaves_no_trace() -> None:
    net, x = small()
    with pytest.raises(NetworkError):
        net.conv(x, 4, 9, name="conv")
    assert net.conv(x, 4, 3, name="conv").type.shape == (None, 4, 6, 6)


def test_only_what_outputs_need_is_in_the_module() -> None:
    net, x = small()
    features = net.conv(x, 4, 3, name="conv")
    net.dense(features, 10)
    net.input("unused", (3,))
    assert [node.name for node in net.module(features).graph("").nodes] == ["image", "conv"]


class TestSharedArrays:
    def test_count_once(self) -> None:
        net, x = small()
        left = net.conv(x, 4, 3, name="left")
        right = net.conv(net.relu(x), 4, 3, name="right", shared="left")
        third = net.conv(x, 4, 3, shared="right")
        assert transpiler.inspect(net.module(left, right, third)).param_count == 3 * 3 * 3 * 4 + 4

    def test_are_one_layer_in_keras(self) -> None:
        net, x = small()
        left = net.conv(x, 4, 3, name="left")
        module = net.module(net.add(left, net.conv(net.relu(x), 4, 3, shared="left")))
        assert transpiler.convert(module, "keras").text.count('"class_name": "Conv2D"') == 1

    @pytest.mark.parametrize(
        ("call", "said"),
        [
            (lambda n, x: n.conv(x, 4, 3, shared="other"), "there is no layer other"),
            (lambda n, x: n.conv(x, 5, 3, shared="conv"), r"needs kernel \[5, 3, 3, 3\] of conv, of shape"),
            (lambda n, x: n.batch_norm(x, shared="conv"), "that does not exist"),
            (lambda n, x: n.conv(x, 4, 3, shared="conv", arrays={"bias": [0.0] * 4}), "are those of conv"),
        ],
        ids=["name", "shape", "role", "arrays"],
    )
    def test_must_fit(self, call: Call, said: str) -> None:
        net, x = small()
        net.conv(x, 4, 3, name="conv")
        with pytest.raises(NetworkError, match=said):
            call(net, x)


class TestGivenArrays:
    def test_are_kept_under_their_symbol(self) -> None:
        net, x = small()
        kernel = np.ones((4, 3, 3, 3), np.float32)
        x = net.conv(x, 4, 3, name="conv", arrays={"kernel": kernel, "bias": [1, 2, 3, 4]})
        kernel[:] = 0.0
        constants = net.module(x).constants
        assert sorted(constants) == ["conv/bias", "conv/kernel"]
        assert constants["conv/kernel"].dtype is DType.FLOAT32
        np.testing.assert_array_equal(constants["conv/kernel"].load(), np.ones((4, 3, 3, 3)))

    def test_reach_the_target(self) -> None:
        net = Network("tiny")
        kernel = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)
        x = net.dense(net.input("x", (2,)), 3, bias=False, name="layer", arrays={"kernel": kernel})
        legal = transpiler.convert(net.module(x), "keras").legal
        assert legal is not None
        assert legal.store is not None
        (node,) = (node for node in legal.module.graph("").nodes if node.op.roles)
        np.testing.assert_array_equal(legal.store.canonical(node.param("kernel"), (3, 2)), kernel)

    @pytest.mark.parametrize(
        ("arrays", "said"),
        [
            ({"weight": [1.0]}, "conv has no array 'weight'; it has kernel, bias"),
            ({"bias": [1.0]}, r"its bias is \[4\], not \[1\]"),
        ],
        ids=["role", "shape"],
    )
    def test_must_fit(self, arrays: dict[str, list[float]], said: str) -> None:
        net, x = small()
        with pytest.raises(NetworkError, match=said):
            net.conv(x, 4, 3, arrays=arrays)
