"""Models of random form in real Keras, of either package: branches, shared layers, models within models."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.weights.arrays import layer
from transpiler.weights.layer_arrays import LayerArrays


def random_model(package: Any, seed: int) -> Any:
    """A model whose layers all have the same shape, so that only their order tells whose an array is."""
    rng = random.Random(seed)
    made = _Maker(package, rng)
    inputs = [package.Input((3,), name=f"in{i}") for i in range(rng.choice([1, 1, 2, 3]))]
    values = list(inputs)
    for i in range(rng.randrange(4, 16)):
        values.append(made.value(i, values))
    outputs = rng.sample(values[len(inputs) :], rng.choice([1, 1, 2, 3]))
    return package.Model(
        inputs if len(inputs) > 1 else inputs[0], outputs if len(outputs) > 1 else outputs[0]
    )


class _Maker:
    def __init__(self, package: Any, rng: random.Random) -> None:
        self.package = package
        self.layers = package.layers
        self.rng = rng
        self.shared: list[Any] = []

    def value(self, i: int, values: list[Any]) -> Any:
        """The result of some layer, new or used before, on some of the values."""
        rng, kind = self.rng, self.rng.random()
        if 0.45 <= kind < 0.6 and self.shared:
            return rng.choice(self.shared)(rng.choice(values))
        if 0.6 <= kind < 0.75:
            return self.layers.Add(name=f"add{i}")([rng.choice(values) for _ in range(rng.choice([2, 3]))])
        if 0.75 <= kind < 0.82:
            return rng.choice(values) + rng.choice(values)
        made = self.branch(i) if kind >= 0.82 else self.layers.Dense(3, name=f"dense{i}")
        self.shared.append(made)
        return made(rng.choice(values))

    def branch(self, i: int) -> Any:
        """A model, or one that is applied to the steps of a sequence of one."""
        layers, package = self.layers, self.package
        frozen = layers.Dense(3, name="frozen", trainable=False)
        if self.rng.random() < 0.4:
            return package.Sequential([package.Input((3,)), layers.Dense(3), frozen], name=f"chain{i}")
        x = package.Input((3,))
        y = layers.BatchNormalization(name="normal")(layers.Dense(3, name="first")(x))
        inner = package.Sequential([package.Input((3,)), frozen, layers.Dense(3, name="deep")], name="inner")
        z = layers.Add()([inner(layers.Dense(3, name="second")(y)), y])
        return package.Model(x, z, name=f"model{i}")


def shuffled(model: Any, seed: int) -> str:
    """The model's JSON with its layers in another order, which is none of Keras's business."""
    document = json.loads(model.to_json())
    random.Random(seed).shuffle(document["config"]["layers"])
    return json.dumps(document)


def leaves(model: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All layers of a real model that are no models, by path."""
    for one in model.layers:
        here = f"{path}/{one.name}" if path else one.name
        inside = one.layer if type(one).__name__ == "TimeDistributed" else one
        if hasattr(inside, "layers"):
            yield from leaves(inside, here)
        else:
            yield here, one


def arrays_of(model: Any) -> dict[str, list[Any]]:
    """The arrays of all layers that have any."""
    return {path: one.get_weights() for path, one in leaves(model) if one.weights}


def layers_of(model: Any) -> list[LayerArrays]:
    """The same as our writers take them, in some order."""
    found = [layer(path, one.get_weights(), type(one).__name__) for path, one in leaves(model) if one.weights]
    return sorted(found, key=lambda one: one.path)


def with_random_weights(model: Any) -> Any:
    rng = np.random.default_rng(1)
    model.set_weights(
        [np.asarray(rng.uniform(0.1, 0.9, array.shape), array.dtype) for array in model.get_weights()]
    )
    return model
