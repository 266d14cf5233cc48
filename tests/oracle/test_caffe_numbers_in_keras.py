"""What a real Caffe computed, computed again from our conversion by real Keras 3 and tf-keras: every output."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.oracle.kit import NAMES, Case, case, difference
from transpiler.diagnostics import Sink
from transpiler.dialects.keras.dialect import KERAS3
from transpiler.dialects.keras.dialect_keras2 import KERAS2
from transpiler.emitters.keras import emit
from transpiler.emitters.keras_layers import legal_name
from transpiler.emitters.keras_units import units_of
from transpiler.ir import Graph, Module
from transpiler.parsers import textproto
from transpiler.passes.lower import caffe
from transpiler.passes.manager import SHAPED, Context, run
from transpiler.passes.pipelines import READ, pipeline
from transpiler.syntax.json import print_json
from transpiler.weights.relayout import applied, to_native

TOLERANCE = 1e-4
DIALECTS = {"keras": (KERAS3, 3), "keras2": (KERAS2, 2)}


def framework(target: str) -> Any:
    """The real package that loads what is written for a target."""
    return pytest.importorskip({"keras": "keras", "keras2": "tf_keras"}[target])


def converted(given: Case, target: str) -> tuple[Graph, Graph]:
    """The net as read, and as it is legal in a target."""
    sink = Sink()
    module = caffe.lower(textproto.parse(given.path.read_text()), given.name, sink)
    read = run(module.graph("TEST"), READ, Context(sink))
    legal = run(read, pipeline("caffe", target), Context(sink), given=frozenset({SHAPED}))
    sink.raise_if_errors()
    return read, legal


def with_weights(legal: Graph, target: str, arrays: dict[str, Any]) -> Any:
    """The real model, its layers holding the given arrays."""
    dialect, generation = DIALECTS[target]
    text = print_json(emit(Module("net", "caffe", {"": legal}), generation))
    model = framework(target).models.model_from_json(text)
    for unit in units_of(legal, dialect):
        if unit.node.op.roles and unit.row is not None and legal_name(unit.name) in _layers(model):
            weights = []
            for spelled in unit.row.arrays(unit.node.op, unit.native.config):
                use = unit.node.param(spelled.role)
                weights.append(to_native(applied(arrays[use.symbol], use.relayouts), spelled))
            model.get_layer(legal_name(unit.name)).set_weights(weights)
    return model


def _layers(model: Any) -> set[str]:
    return {layer.name for layer in model.layers}


def fed(model: Any, inputs: dict[str, Any]) -> list[Any]:
    """The recorded inputs in the model's order, channels last where it wants them so."""
    found = []
    for tensor in model.inputs:
        array = inputs[tensor.name.split(":")[0]]
        orders = [tuple(range(array.ndim)), (0, *range(2, array.ndim), 1)][: 2 if array.ndim > 2 else 1]
        fits = (array.transpose(order) for order in orders)
        found.append(
            next(x for x in fits if all(w in (None, n) for w, n in zip(tensor.shape, x.shape, strict=True)))
        )
    return found


@pytest.mark.parametrize("target", DIALECTS)
@pytest.mark.parametrize("name", NAMES)
def test_every_output_equals_caffes(name: str, target: str) -> None:
    given = case(name)
    read, legal = converted(given, target)
    model = with_weights(legal, target, given.canonical(read))
    inputs = fed(model, given.part("in/"))
    results = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    results = results if isinstance(results, (list, tuple)) else [results]
    recorded = given.part("out/")
    found = {
        value.native: difference(np.asarray(result), recorded[value.native or value.name])
        for value, result in zip(legal.outputs, results, strict=True)
    }
    assert found
    assert {blob: worst for blob, worst in found.items() if not worst <= TOLERANCE} == {}
