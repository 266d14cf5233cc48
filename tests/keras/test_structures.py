"""How layers are put together, against the real Keras 3: sharing, nesting, several inputs and outputs, states."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.keras.reading import read, typed_module, warnings, written
from transpiler.ir.equality import difference

keras = pytest.importorskip("keras")


def shared_layer() -> Any:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    dense = keras.layers.Dense(3, activation="relu", name="shared")
    return keras.Model([a, b], keras.layers.Add()([dense(a), dense(b)]))


def shared_at_two_depths() -> Any:
    x = keras.Input((4,))
    dense = keras.layers.Dense(4)
    y = keras.layers.ReLU()(dense(x))
    return keras.Model(x, keras.layers.Concatenate()([dense(y), y]))


def shared_without_weights() -> Any:
    a, b = keras.Input((4, 2)), keras.Input((2, 4))
    flatten, act = keras.layers.Flatten(), keras.layers.Activation("tanh")
    return keras.Model([a, b], [act(flatten(a)), act(flatten(b))])


def siamese() -> Any:
    base = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dropout(0.1)], name="base"
    )
    a, b = keras.Input((4,)), keras.Input((4,))
    return keras.Model([a, b], keras.layers.Subtract()([base(a), base(b)]), name="siamese")


def nested_functional() -> Any:
    p, q = keras.Input((4,), name="p"), keras.Input((3,), name="q")
    inner = keras.Model([p, q], [keras.layers.Dense(2)(p), keras.layers.Concatenate()([p, q])], name="inner")
    a, b = keras.Input((4,)), keras.Input((3,))
    y, z = inner([a, b])
    return keras.Model([a, b], [keras.layers.Dense(1)(y), z])


def nested_dict() -> Any:
    p, q = keras.Input((4,), name="p"), keras.Input((3,), name="q")
    inner = keras.Model(
        {"p": p, "q": q}, {"sum": keras.layers.Dense(2)(p), "all": keras.layers.Concatenate()([p, q])}
    )
    a, b = keras.Input((4,)), keras.Input((3,))
    made = inner({"p": a, "q": b})
    return keras.Model([a, b], keras.layers.Concatenate()([made["sum"], made["all"]]))


def nested_twice_inside() -> Any:
    deep = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, name="d")], name="deep")
    x = keras.Input((3,))
    middle = keras.Model(x, keras.layers.Add()([deep(x), deep(deep(x))]), name="middle")
    y = keras.Input((3,))
    return keras.Model(y, middle(middle(y)), name="outer")


def nested_pass_through() -> Any:
    p = keras.Input((4,))
    inner = keras.Model(p, [p, keras.layers.Dense(4)(p)], name="inner")
    x = keras.Input((4,))
    left, right = inner(x)
    return keras.Model(x, keras.layers.Add()([left, right]))


def sequential_of_models() -> Any:
    x = keras.Input((4,))
    head = keras.Model(x, keras.layers.Dense(3)(x), name="head")
    return keras.Sequential(
        [keras.Input((4,)), head, keras.Sequential([keras.layers.Dense(2), keras.layers.ReLU()], name="tail")]
    )


def inner_layer_behind_a_model() -> Any:
    x = keras.Input((4, 5, 2))
    body = keras.Sequential(
        [keras.Input((4, 5, 2)), keras.layers.Conv2D(3, 2), keras.layers.MaxPooling2D()], name="body"
    )
    y = keras.layers.Flatten()(body(x))
    return keras.Model(x, keras.layers.Dense(2, activation="softmax")(y))


def dict_outputs() -> Any:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model({"b": b, "a": a}, {"z": keras.layers.Dense(1)(a), "y": keras.layers.Add()([a, b])})


def same_tensor_twice() -> Any:
    x = keras.Input((4,))
    y = keras.layers.Add()([x, x])
    return keras.Model(x, [y, y])


def input_as_output() -> Any:
    x = keras.Input((4,))
    return keras.Model(x, [x, keras.layers.ReLU()(x)])


def encoder_decoder() -> Any:
    a, b = keras.Input((None, 3)), keras.Input((None, 2))
    _, h, c = keras.layers.LSTM(4, return_state=True)(a)
    y, _, _ = keras.layers.LSTM(4, return_sequences=True, return_state=True)(b, initial_state=[h, c])
    return keras.Model([a, b], keras.layers.TimeDistributed(keras.layers.Dense(2, activation="softmax"))(y))


def masked() -> Any:
    x = keras.Input((5,), dtype="int32")
    y = keras.layers.Embedding(5, 3, mask_zero=True)(x)
    return keras.Model(x, keras.layers.LSTM(2)(y))


def explicit_mask() -> Any:
    x, m = keras.Input((5, 3)), keras.Input((5,), dtype="bool")
    return keras.Model([x, m], keras.layers.GRU(2, return_sequences=True)(x, mask=m))


def batch_of_fixed_size() -> Any:
    x = keras.Input(batch_shape=(2, 5, 3))
    return keras.Model(x, keras.layers.LSTM(2, stateful=True)(x))


def frozen() -> Any:
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, trainable=False), keras.layers.Dense(2)]
    )
    model.layers[1].trainable = False
    return model


def time_distributed_model() -> Any:
    frame = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
        ]
    )
    x = keras.Input((4, 6, 6, 2))
    return keras.Model(x, keras.layers.LSTM(3)(keras.layers.TimeDistributed(frame)(x)))


def time_distributed_block() -> Any:
    p = keras.Input((5, 3))
    y = keras.layers.Conv1D(3, 3, padding="same", activation="relu")(p)
    inner = keras.Model(p, keras.layers.Concatenate(axis=1)([keras.layers.Add()([p, y]), y]), name="block")
    x = keras.Input((4, 5, 3))
    return keras.Model(x, keras.layers.TimeDistributed(inner, name="each")(x))


def embedding_both_ways() -> Any:
    x = keras.Input((4,), dtype="int32")
    table = keras.layers.ReversibleEmbedding(5, 3, name="table")
    return keras.Model(x, table(keras.layers.Dense(3)(table(x)), reverse=True))


def one_layer_called_in_two_ways() -> Any:
    x, m = keras.Input((5, 3)), keras.Input((5,), dtype="bool")
    layer = keras.layers.LSTM(2)
    return keras.Model([x, m], keras.layers.Add()([layer(x), layer(x, mask=m)]))


MODELS: tuple[Callable[[], Any], ...] = (
    shared_layer,
    shared_at_two_depths,
    shared_without_weights,
    siamese,
    nested_functional,
    nested_dict,
    nested_twice_inside,
    nested_pass_through,
    sequential_of_models,
    inner_layer_behind_a_model,
    dict_outputs,
    same_tensor_twice,
    input_as_output,
    encoder_decoder,
    masked,
    explicit_mask,
    batch_of_fixed_size,
    frozen,
    time_distributed_model,
    time_distributed_block,
    embedding_both_ways,
    one_layer_called_in_two_ways,
)


def structure(layer: Any) -> Any:
    """Layers by class and name, nested as they are."""
    return [
        (type(item).__name__, item.name, structure(item) if hasattr(item, "layers") else None)
        for item in layer.layers
    ]


def numbers(model: Any) -> Any:
    rng = np.random.default_rng(0)

    def make(x: Any) -> Any:
        shape = tuple(2 if n is None else n for n in x.shape)
        if x.dtype == "bool":
            return np.arange(shape[-1])[None, :] < np.array([[3], [4]])
        return (
            rng.integers(0, 5, shape).astype(x.dtype)
            if x.dtype.startswith("int")
            else rng.standard_normal(shape).astype("float32")
        )

    return keras.tree.map_structure(make, model.inputs[0] if len(model.inputs) == 1 else model.input)


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_structure_survives(make: Callable[[], Any]) -> None:
    keras.backend.clear_session(free_memory=False)
    model = make()
    module, sink = read(model.to_json())
    assert not warnings(sink)
    module = typed_module(module)
    assert [v.type.shape for v in module.graphs[""].outputs] == [
        tuple(y.shape) for y in keras.tree.flatten(model.outputs)
    ]
    text = json.dumps(written(module))
    again, _ = read(text)
    assert difference(module, typed_module(again)) is None

    loaded = keras.models.model_from_json(text)
    assert structure(loaded) == structure(model)
    assert loaded.count_params() == model.count_params()
    assert [w.trainable for w in loaded.weights] == [w.trainable for w in model.weights]
    rng = np.random.default_rng(1)
    weights = [rng.uniform(-0.5, 0.5, w.shape).astype("float32") for w in model.weights]
    model.set_weights(weights)
    loaded.set_weights(weights)
    given = numbers(model)
    expected, found = (keras.tree.flatten(m(given, training=False)) for m in (model, loaded))
    for left, right in zip(expected, found, strict=True):
        np.testing.assert_allclose(np.asarray(right), np.asarray(left), rtol=1e-5, atol=1e-6)


def test_sequential_of_unknown_input() -> None:
    model = keras.Sequential([keras.layers.Dense(3), keras.layers.ReLU(), keras.layers.Dense(2)])
    module, _ = read(model.to_json())
    text = json.dumps(written(module))
    loaded = keras.models.model_from_json(text)
    assert not loaded.built
    loaded.build((None, 4))
    assert loaded.count_params() == 4 * 3 + 3 + 3 * 2 + 2
    assert difference(module, read(text)[0]) is None
