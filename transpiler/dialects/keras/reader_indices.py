"""Node indices that count calls, and the checks that need a whole functional model.

A file's node indices do not always count a layer's calls from 0. To Keras 1, Keras 2 and tf.keras a nested
model has been called once before, when it was built, so that its first call in the outer model is node 1.
Keras 3 counts from 0, except in `output_layers`, where it still adds one for nested functional models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from transpiler.diagnostics import Sink, Span
from transpiler.dialects.keras.model import (
    Call,
    Generation,
    KerasLayer,
    ModelKind,
    TensorRef,
    map_structure,
    tensors_in,
)

MAX_OUTPUTS: Final = 10_000
"""No layer has more outputs. A layer whose class is unknown has as many as are used."""


def resolve_indices(
    layers: Sequence[KerasLayer],
    inputs: Any,
    outputs: Any,
    generation: Generation,
    sink: Sink,
    span: Span | None = None,
) -> tuple[tuple[KerasLayer, ...], Any, Any]:
    """Return the layers, inputs and outputs with node indices that count calls; unknown tensors are
    reported. `span` is where the model stands.
    """
    by_name = {layer.name: layer for layer in layers}
    inner = [tensor for layer in layers for call in layer.calls for tensor in call.tensors]
    ends = [*tensors_in(inputs), *tensors_in(outputs)]
    is_keras3 = generation is Generation.KERAS3
    bases = _bases(layers, inner if is_keras3 else [*inner, *ends], 0 if is_keras3 else 1)
    end_bases = _end_bases(layers, ends) if is_keras3 else bases

    def fixed(value: Any, base: Mapping[str, int]) -> Any:
        if not isinstance(value, TensorRef):
            return value
        return msgspec.structs.replace(value, node_index=max(0, value.node_index - base.get(value.layer, 0)))

    renumbered = tuple(
        msgspec.structs.replace(
            layer, calls=tuple(_mapped(call, lambda value: fixed(value, bases)) for call in layer.calls)
        )
        for layer in layers
    )
    inputs, outputs = (
        map_structure(lambda value: fixed(value, end_bases), ends) for ends in (inputs, outputs)
    )
    for layer in renumbered:
        for call in layer.calls:
            _check(call.tensors, by_name, f"layer '{layer.name}'", layer.span, sink)
    _check([*tensors_in(inputs), *tensors_in(outputs)], by_name, "one of the model's ends", span, sink)
    return renumbered, inputs, outputs


def _mapped(call: Call, function: Any) -> Call:
    return Call(map_structure(function, call.args), map_structure(function, dict(call.kwargs)))


def _bases(layers: Sequence[KerasLayer], used: Iterable[TensorRef], default: int) -> dict[str, int]:
    """Return from which index each nested model's calls are counted.

    The indices in use tell: as many as there are calls is one too many for counting from 0, and 0 is one too
    few for counting from 1.
    """
    indices: dict[str, list[int]] = {layer.name: [] for layer in layers}
    for tensor in used:
        indices.setdefault(tensor.layer, []).append(tensor.node_index)
    bases = {}
    for layer in layers:
        if layer.model is None or not indices[layer.name]:
            continue
        if max(indices[layer.name]) >= len(layer.calls):
            bases[layer.name] = 1
        else:
            bases[layer.name] = 0 if 0 in indices[layer.name] else default
    return bases


def _end_bases(layers: Sequence[KerasLayer], ends: Sequence[TensorRef]) -> dict[str, int]:
    """Return the same for the inputs and outputs of a Keras 3 model."""
    nested = {
        layer.name for layer in layers if layer.model is not None and layer.model.kind is ModelKind.FUNCTIONAL
    }
    zero = {tensor.layer for tensor in ends if tensor.node_index == 0}
    return dict.fromkeys(sorted(nested - zero), 1)


def _check(
    tensors: Iterable[TensorRef],
    layers: Mapping[str, KerasLayer],
    what: str,
    span: Span | None,
    sink: Sink,
) -> None:
    """Report tensors that no call produces."""
    for tensor in tensors:
        layer = layers.get(tensor.layer)
        if layer is None:
            sink.error(
                "T2005", f"{what} uses the output of '{tensor.layer}', but the model has no such layer", span
            )
            continue
        calls = max(1, len(layer.calls)) if layer.class_name == "InputLayer" else len(layer.calls)
        if not 0 <= tensor.tensor_index < MAX_OUTPUTS:
            text = f"{what} uses output {tensor.tensor_index} of layer '{tensor.layer}', which no layer has"
            sink.error("T2006", text, span)
        if not 0 <= tensor.node_index < calls:
            sink.error(
                "T2006",
                f"{what} uses call {tensor.node_index} of layer '{tensor.layer}', which is called "
                f"{calls} {'time' if calls == 1 else 'times'}",
                span,
                related=((layer.span, "the layer is here"),) if layer.span is not None else (),
            )


def find_cycle(layers: Sequence[KerasLayer]) -> list[str]:
    """Return the names of layers whose calls depend on each other in a circle, or an empty list."""
    needs = {
        (layer.name, index): [(tensor.layer, tensor.node_index) for tensor in call.tensors]
        for layer in layers
        for index, call in enumerate(layer.calls)
    }
    done: set[tuple[str, int]] = set()
    for start in needs:
        path: list[tuple[str, int]] = []
        on_path: set[tuple[str, int]] = set()
        stack = [(start, False)]
        while stack:
            node, is_finished = stack.pop()
            if is_finished:
                on_path.discard(path.pop())
                done.add(node)
            elif node in on_path:
                return [name for name, _ in path[path.index(node) :]]
            elif node not in done:
                path.append(node)
                on_path.add(node)
                stack.append((node, True))
                stack.extend((needed, False) for needed in needs.get(node, ()))
    return []
