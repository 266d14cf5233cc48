"""Recurrent layers that Caffe is given step by step compute what their formulas say."""

from __future__ import annotations

import numpy as np
import pytest

import transpiler
from tests.caffe.evaluate import Array, evaluate
from transpiler.builder import Network
from transpiler.diagnostics import CompileError, Source
from transpiler.driver.convert import convert_source
from transpiler.ir import Module
from transpiler.ops.array import FillLike, Stack, Unstack

STREAMS, STEPS, FEATURES, UNITS = 2, 5, 3, 4


def _lstm(backwards: bool = False, started: bool = False) -> Module:
    """All outputs and the last states, which lie in time order."""
    net = Network("lstm")
    x = net.input("x", (STEPS, FEATURES), batch=STREAMS)
    if backwards:
        return net.module(net.lstm(x, UNITS, sequences=True, backwards=True, name="layer"))
    initial = [net.input(name, (UNITS,), batch=STREAMS) for name in ("h", "c")] if started else []
    return net.module(*net.lstm_with_states(x, UNITS, sequences=True, initial=initial, name="layer"))


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _wanted(x: Array, h: Array, c: Array, params: dict[str, Array]) -> list[Array]:
    outputs = []
    for t in range(x.shape[1]):
        gates = x[:, t] @ params["kernel"].T + h @ params["recurrent_kernel"].T + params["bias"]
        i, f, g, o = np.split(gates, 4, axis=1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        h = _sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return [np.stack(outputs, axis=1), h, c]


def _computed(module: Module, numbers: dict[str, Array]) -> list[Array]:
    """What the layers compute that Caffe is given in place of a module."""
    legal = convert_source(module, "caffe").legal
    assert legal is not None
    params = {f"layer/{role}": array for role, array in numbers.items()}
    return evaluate(legal.module.graph(""), numbers, params)


@pytest.fixture
def numbers() -> dict[str, Array]:
    rng = np.random.default_rng(3)
    shapes = {
        "x": (STREAMS, STEPS, FEATURES),
        "h": (STREAMS, UNITS),
        "c": (STREAMS, UNITS),
        "kernel": (4 * UNITS, FEATURES),
        "recurrent_kernel": (4 * UNITS, UNITS),
        "bias": (4 * UNITS,),
    }
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("started", [False, True], ids=["from zero", "from given states"])
def test_lstm(started: bool, numbers: dict[str, Array]) -> None:
    if not started:
        numbers = {**numbers, "h": 0 * numbers["h"], "c": 0 * numbers["c"]}
    wanted = _wanted(numbers["x"], numbers["h"], numbers["c"], numbers)
    have = _computed(_lstm(started=started), numbers)
    for mine, theirs in zip(have, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)


def test_lstm_backwards(numbers: dict[str, Array]) -> None:
    zero = 0 * numbers["h"]
    outputs, _, _ = _wanted(numbers["x"][:, ::-1], zero, zero, numbers)
    (have,) = _computed(_lstm(backwards=True), numbers)
    np.testing.assert_allclose(have, outputs, rtol=1e-9)


def test_simple_rnn(numbers: dict[str, Array]) -> None:
    net = Network("rnn")
    x = net.input("x", (STEPS, FEATURES), batch=STREAMS)
    module = net.module(net.simple_rnn(x, 4 * UNITS, name="layer"))
    numbers["recurrent_kernel"] = np.random.default_rng(4).standard_normal((4 * UNITS, 4 * UNITS))
    h = np.zeros((STREAMS, 4 * UNITS))
    for t in range(STEPS):
        h = np.tanh(
            numbers["x"][:, t] @ numbers["kernel"].T + h @ numbers["recurrent_kernel"].T + numbers["bias"]
        )
    (have,) = _computed(module, numbers)
    np.testing.assert_allclose(have, h, rtol=1e-9)


def test_all_steps_share_their_matrices() -> None:
    text = convert_source(_lstm(), "caffe").text
    assert transpiler.inspect(Source("<caffe>", text)).param_count == 4 * UNITS * (FEATURES + UNITS + 1)


def test_an_unknown_number_of_steps_is_refused() -> None:
    net = Network("open")
    x = net.input("x", (None, FEATURES))
    with pytest.raises(CompileError, match="T5004"):
        convert_source(net.module(net.lstm(x, UNITS)), "caffe")


def test_slices_of_an_axis_and_back(numbers: dict[str, Array]) -> None:
    net = Network("slices")
    x = net.input("x", (STEPS, FEATURES), batch=STREAMS)
    parts = net.apply(Unstack(count=STEPS, axis=1), x)
    turned = net.layer(Stack(axis=2), *reversed(parts))
    ones = net.layer(FillLike(value=1.0), turned)
    wanted = np.moveaxis(numbers["x"][:, ::-1], 1, 2)
    have = _computed(net.module(turned, ones), numbers)
    np.testing.assert_array_equal(have[0], wanted)
    np.testing.assert_array_equal(have[1], np.ones_like(wanted))
