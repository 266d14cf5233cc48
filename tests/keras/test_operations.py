"""Nodes of keras.ops against the real Keras 3: shapes, numbers, and what is written back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.keras.reading import read, typed_module, warnings, written
from transpiler.ir import DType
from transpiler.ir.equality import graph_difference
from transpiler.ops.core import Constant

keras = pytest.importorskip("keras")
ops = keras.ops

Function = Callable[[Any, Any], Any]

UNARY = (
    "absolute", "negative", "sign", "square", "sqrt", "reciprocal", "exp", "expm1", "log", "log1p", "log2",
    "log10", "floor", "ceil", "trunc", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh",
    "arcsinh", "arctanh", "tanh", "rsqrt", "erf", "relu", "relu6", "sigmoid", "softplus", "softsign", "silu",
    "selu", "hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "elu", "leaky_relu", "softmax",
    "log_softmax", "stop_gradient", "zeros_like", "ones_like", "tanh_shrink", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "exp2", "round",
)  # fmt: skip


def _unary(name: str) -> Function:
    return lambda x, y: getattr(ops, name)(x)


FUNCTIONS: dict[str, Function] = {
    **{name: _unary(name) for name in UNARY},
    "add": lambda x, y: x + y,
    "add number": lambda x, y: x + 2,
    "number add": lambda x, y: 2.5 + x,
    "subtract": lambda x, y: x - y,
    "subtract number": lambda x, y: x - 3,
    "number subtract": lambda x, y: 3 - x,
    "multiply": lambda x, y: x * y,
    "multiply number": lambda x, y: x * 0.5,
    "divide": lambda x, y: x / y,
    "divide number": lambda x, y: x / 3,
    "number divide": lambda x, y: 3 / x,
    "power": lambda x, y: x**y,
    "power number": lambda x, y: x**3,
    "number power": lambda x, y: 2**x,
    "floor divide": lambda x, y: x // y,
    "mod": lambda x, y: x % 0.3,
    "arctan2": ops.arctan2,
    "maximum": ops.maximum,
    "maximum number": lambda x, y: ops.maximum(x, 0.5),
    "minimum array": lambda x, y: ops.minimum(x, np.full((6,), 0.5, "float32")),
    "add array": lambda x, y: ops.add(x, np.arange(24, dtype="float32").reshape(4, 6)),
    "greater": lambda x, y: ops.cast(x > y, "float32"),
    "compare number": lambda x, y: ops.cast(x <= 0.5, "float32"),
    "logical": lambda x, y: ops.where(ops.logical_not(ops.logical_and(x > 0.2, y < 0.7)), x, y),
    "where number": lambda x, y: ops.where(x > 0.5, x, 0.0),
    "clip": lambda x, y: ops.clip(x, 0.2, 0.6),
    "gelu": lambda x, y: ops.gelu(x, approximate=False),
    "gelu tanh": lambda x, y: ops.gelu(x),
    "glu": lambda x, y: ops.glu(x),
    "softmax axis": lambda x, y: ops.softmax(x, axis=1),
    "full_like": lambda x, y: ops.full_like(x, 3.0),
    "sum": lambda x, y: ops.sum(x, axis=1),
    "sum all": lambda x, y: ops.sum(x),
    "mean kept": lambda x, y: ops.mean(x, axis=(1, 2), keepdims=True),
    "max": lambda x, y: ops.max(x, axis=-1),
    "min": lambda x, y: ops.min(x, axis=1),
    "prod": lambda x, y: ops.prod(x, axis=1),
    "any": lambda x, y: ops.cast(ops.any(x > 0.9, axis=1), "int32"),
    "var": lambda x, y: ops.var(x, axis=1),
    "std": lambda x, y: ops.std(x, axis=1, keepdims=True),
    "norm": lambda x, y: ops.norm(x, axis=-1),
    "argmax": lambda x, y: ops.argmax(x, axis=-1),
    "argmin": lambda x, y: ops.argmin(x, axis=1),
    "top_k values": lambda x, y: ops.top_k(x, 2)[0],
    "top_k": lambda x, y: list(ops.top_k(x, 2)),
    "transpose": lambda x, y: ops.transpose(x, (0, 2, 1)),
    "swapaxes": lambda x, y: ops.swapaxes(x, 1, 2),
    "moveaxis": lambda x, y: ops.moveaxis(x, 1, 2),
    "reshape": lambda x, y: ops.reshape(x, (-1, 24)),
    "expand_dims": lambda x, y: ops.expand_dims(x, -1),
    "expand_dims of a list": lambda x, y: ops.expand_dims(x, (1,)),
    "squeeze": lambda x, y: ops.squeeze(x[:, 0:1], axis=1),
    "concatenate": lambda x, y: ops.concatenate([x, y], axis=1),
    "stack": lambda x, y: ops.stack([x, y], axis=2),
    "split": lambda x, y: ops.split(x, 2, axis=1)[1],
    "split places": lambda x, y: ops.split(x, [1, 3], axis=-1),
    "unstack": lambda x, y: ops.unstack(x, num=4, axis=1)[2],
    "tile": lambda x, y: ops.tile(x, (1, 2, 1)),
    "repeat": lambda x, y: ops.repeat(x, 2, axis=1),
    "flip": lambda x, y: ops.flip(x, axis=1),
    "roll": lambda x, y: ops.roll(x, 1, axis=1),
    "pad": lambda x, y: ops.pad(x, [[0, 0], [1, 2], [0, 1]]),
    "pad constant": lambda x, y: ops.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=2.0),
    "pad reflect": lambda x, y: ops.pad(x, [[0, 0], [1, 2], [0, 1]], mode="reflect"),
    "cumsum": lambda x, y: ops.cumsum(x, axis=1),
    "take": lambda x, y: ops.take(x, ops.cast(y[:, 0, :2] * 4, "int32"), axis=2),
    "matmul": lambda x, y: ops.matmul(x, ops.transpose(y, (0, 2, 1))),
    "einsum": lambda x, y: ops.einsum("bij,bkj->bik", x, y),
    "one_hot": lambda x, y: ops.one_hot(ops.cast(x * 3, "int32"), 3),
    "resize": lambda x, y: ops.image.resize(ops.expand_dims(x, -1), (2, 3)),
    "cast": lambda x, y: ops.cast(x * 10, "int32"),
    "slice": lambda x, y: x[:, 1:3],
    "slice number": lambda x, y: x[:, 0],
    "slice last": lambda x, y: x[:, -1, 2:],
    "slice step": lambda x, y: x[:, ::2, ::-1],
    "slice dots": lambda x, y: x[..., :3],
    "slice new axis": lambda x, y: x[..., None],
    "slice new axis inside": lambda x, y: x[:, None, 1, 2:4],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_operation_is_read_and_written_as_keras_has_it(name: str) -> None:
    keras.backend.clear_session(free_memory=False)
    x, y = keras.Input((4, 6), name="x"), keras.Input((4, 6), name="y")
    outputs = FUNCTIONS[name](x, y)
    model = keras.Model([x, y], outputs)
    module, sink = read(model.to_json())
    assert not warnings(sink)
    module = typed_module(module)
    found = [(v.type.shape, v.type.dtype.value) for v in module.graphs[""].outputs]
    names = {"float32": "f32", "int32": "i32", "bool": "bool"}
    assert found == [(tuple(t.shape), names[t.dtype]) for t in keras.tree.flatten(model.outputs)]

    text = json.dumps(written(module))
    again, _ = read(text)
    graphs = [made.graphs[""] for made in (module, typed_module(again))]
    assert graph_difference(*graphs, names=False) is None
    loaded = keras.models.model_from_json(text)
    rng = np.random.default_rng(0)
    given = [rng.uniform(0.1, 0.9, (2, 4, 6)).astype("float32") for _ in range(2)]
    for left, right in zip(keras.tree.flatten(model(given)), keras.tree.flatten(loaded(given)), strict=True):
        np.testing.assert_allclose(np.asarray(right), np.asarray(left), rtol=1e-6)


def test_unknown_operation_is_kept_as_it_is() -> None:
    x = keras.Input((4, 4))
    model = keras.Model(x, ops.fft((x, x))[0])
    module, sink = read(model.to_json())
    assert warnings(sink)
    loaded = keras.models.model_from_json(json.dumps(written(module)))
    given = np.random.default_rng(0).standard_normal((1, 4, 4)).astype("float32")
    np.testing.assert_allclose(np.asarray(loaded(given)), np.asarray(model(given)), rtol=1e-6)


def test_numbers_in_calls_are_operands() -> None:
    x = keras.Input((4,))
    module, _ = read(keras.Model(x, 3 / x).to_json())
    assert [node.op for node in module.graphs[""].nodes if isinstance(node.op, Constant)] == [
        Constant(shape=(), values=(3.0,), dtype=DType.INT32)
    ]
