"""A subject in real TensorFlow, as the source's own graph or as a converted one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from transpiler.driver.binding import learned_layers
from transpiler.emitters.tensorflow import Stored, layout_steps, write
from transpiler.ir import Module, Node, Value
from transpiler.ops.core import Input
from transpiler.verify import tensorflow_runtime
from transpiler.verify.keras_side import Received
from transpiler.verify.runtime import Runtime
from transpiler.weights.store import Store

if TYPE_CHECKING:
    from transpiler.dialects.rows import ArrayUse
    from transpiler.ir.arrays import Array as Numbers


def run_source(
    runtime: Runtime,
    graph: str | bytes,
    module: Module,
    store: Store,
    inputs: Mapping[str, Numbers],
    receive: Received,
) -> None:
    """Run a GraphDef as it is. Raises Unusable."""
    values: dict[str, list[Value]] = {}
    given: dict[str, Numbers] = {}
    for node in module.graph("").nodes:
        for value in node.results:
            if value.native:
                values.setdefault(value.native, []).append(value)
        if isinstance(node.op, Input):
            given[node.result.native or node.name] = inputs[node.result.name]
    _run(runtime, graph, _source_variables(module, store), given, values, receive)


def run_target(
    runtime: Runtime,
    text: str,
    module: Module,
    store: Store,
    inputs: Mapping[Value, Numbers],
    receive: Received,
) -> None:
    """Run what is written of a legal module. `inputs` by its input values. Raises Unusable."""
    written = write(module)
    values: dict[str, list[Value]] = {}
    for value, tensor in written.tensors.items():
        values.setdefault(tensor, []).append(value)
    given = {written.tensors[value]: array for value, array in inputs.items()}
    variables = {stored.name: partial(_stored, stored, store) for stored in written.variables}
    _run(runtime, text, variables, given, values, receive)


def _run(
    runtime: Runtime,
    graph: str | bytes,
    variables: Mapping[str, Callable[[], Numbers]],
    inputs: Mapping[str, Numbers],
    values: Mapping[str, list[Value]],
    receive: Received,
) -> None:
    def take(tensor: str, array: Numbers) -> None:
        for value in values[tensor]:
            receive(value, array)

    wanted = {tensor: _count(of[0]) for tensor, of in values.items()}
    tensorflow_runtime.run(runtime, graph, variables, inputs, wanted, take)


def _count(value: Value) -> int:
    return math.prod(size or 1 for size in value.type.shape or ())


def _source_variables(module: Module, store: Store) -> dict[str, Callable[[], Numbers]]:
    """The variables of the graph; what it holds as constants stays as it is."""
    found: dict[str, Callable[[], Numbers]] = {
        one.use.symbol: partial(_native, node, one, store)
        for layer in learned_layers(module)
        for node, one in layer.wanted
        if one.use.symbol not in module.constants
    }
    parts = {name: store.arrays[name].load for name in module.variables if name in store.arrays}
    return {**parts, **found}


def _native(node: Node, one: ArrayUse, store: Store) -> Numbers:
    array = store.native(one.use, one.spelling, one.shape)
    turned = node.native("tensorflow").get("kernel_transposed") is True and one.spelling.role == "kernel"
    return array.T if turned else array


def _stored(stored: Stored, store: Store) -> Numbers:
    import numpy as np

    from transpiler.weights.relayout import applied

    if stored.use.constant is not None:
        return np.full(stored.shape, stored.use.constant.value, np.float32)
    return applied(store.arrays[stored.use.symbol].load(), layout_steps(stored)).reshape(stored.shape)
