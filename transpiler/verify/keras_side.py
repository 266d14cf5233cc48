"""A subject in real Keras, as the source's own file or as a converted one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from transpiler.driver.binding import learned_layers
from transpiler.emitters.keras import tensors_of, write
from transpiler.emitters.keras_weights import weight_plan
from transpiler.ir import Module, Value
from transpiler.ops.core import Input
from transpiler.verify import keras_runtime
from transpiler.verify.keras_places import source_places
from transpiler.verify.keras_runtime import LayerCall
from transpiler.verify.runtime import Runtime
from transpiler.weights.store import Store

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers

Received = Callable[[Value, "Numbers"], None]


def run_source(
    runtime: Runtime,
    text: str,
    module: Module,
    store: Store,
    inputs: Mapping[str, Numbers],
    receive: Received,
) -> None:
    """Run a Keras file as it is. Raises Unusable."""
    graph = module.graph("")
    places = source_places(graph)
    given = {
        node.origin.layer: inputs[node.result.name] for node in graph.nodes if isinstance(node.op, Input)
    }
    for node in graph.nodes:
        if isinstance(node.op, Input):
            receive(node.result, inputs[node.result.name])
    keras_runtime.run(
        runtime,
        text,
        _source_weights(module, store),
        given,
        places,
        lambda place, array: receive(places[place], array),
    )


def _source_weights(module: Module, store: Store) -> Iterator[tuple[str, Sequence[Numbers]]]:
    for layer in learned_layers(module):
        yield layer.name, [store.native(one.use, one.spelling, one.shape) for _, one in layer.wanted]


def run_target(
    runtime: Runtime,
    text: str,
    module: Module,
    store: Store,
    inputs: Mapping[Value, Numbers],
    receive: Received,
) -> None:
    """Run what is written of a legal module. `inputs` by its input values. Raises Unusable."""
    generation = 2 if runtime.module == "tf_keras" else 3
    tensors = tensors_of(module, generation)
    places = {
        LayerCall((*((name, 0) for name in at.path[:-1]), (at.path[-1], at.call)), at.index): value
        for value, at in tensors.items()
    }
    given = {tensors[value].path[-1] if value in tensors else "": array for value, array in inputs.items()}
    for value, array in inputs.items():
        receive(value, array)
    model = write(module, generation).model
    assert model is not None
    weights = (
        (plan.path, [store.native(one.use, one.spelling, one.shape) for one in plan.arrays])
        for plan in weight_plan(model)
    )
    keras_runtime.run(
        runtime, text, weights, given, places, lambda place, array: receive(places[place], array)
    )
