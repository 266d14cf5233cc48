"""Running models in real Keras: the JSON loaded, weights set, and what every call of every layer gives.

Nested models are watched inside. A tensor's place is the calls that lead to it, outermost first, each as the layer's
name and which of its calls in that model it is, and which of the layer's outputs it is.
"""

from __future__ import annotations

import functools
import operator
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.verify.runtime import Receiver, Runtime, Unusable, failing

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers


class LayerCall(msgspec.Struct, frozen=True):
    """One output of one call of a layer."""

    path: tuple[tuple[str, int], ...]
    index: int = 0


Weights = Iterable[tuple[str, Sequence["Numbers"]]]
"""The arrays of each layer, in Keras' order; the names of nested models stand before the layer's, behind slashes."""


def run(
    runtime: Runtime,
    text: str,
    weights: Weights,
    inputs: Mapping[str, Numbers],
    wanted: Collection[LayerCall],
    receive: Receiver[LayerCall],
) -> None:
    """Run a model once, not training. `inputs` are by the names of input layers. Raises Unusable."""
    package = runtime.load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package.backend.clear_session()
        with failing(runtime, "load the model"):
            model = _loaded(package, text)
        with failing(runtime, "take the inputs"):
            given = _arranged(package, model, inputs)
            if not model.built:
                model(given, training=False)
        with failing(runtime, "take the weights"):
            for path, arrays in weights:
                _set(_layer(model, path), arrays)
        watch = _Watch(package, frozenset(wanted), receive)
        watch.models(model)
        with failing(runtime, "run the model"):
            _called(model, given, watch)


def _called(model: Any, given: Any, watch: _Watch) -> None:
    """Run the model layer by layer; compiled as a whole where single layers do not run on this machine.

    TensorFlow's own convolutions and poolings on a CPU want channels last; compiled by XLA they do not.
    """
    try:
        model(given, training=False)
    except Exception as error:
        if watch.backend != "tensorflow" or not _BY_LAYOUT.search(str(error)):
            raise
    else:
        return
    import tensorflow

    places: list[LayerCall] = []

    def compute(inputs: Any) -> list[Any]:
        places.clear()
        with watch.holding() as held:
            model(inputs, training=False)
        places.extend(held)
        return list(held.values())

    compiled = tensorflow.function(compute, autograph=False, jit_compile=True)
    for place, tensor in zip(places, compiled(given), strict=True):
        watch.receive(place, watch.numbers(tensor))


_BY_LAYOUT: Final = re.compile("NHWC|NDHWC|channels_first|data_format", re.IGNORECASE)


def _loaded(package: Any, text: str) -> Any:
    """The model of a JSON text; code in it is refused."""
    if package.__name__ == "keras":
        return package.models.model_from_json(text)
    from tf_keras.src.saving import serialization_lib

    with serialization_lib.SafeModeScope(safe_mode=True):
        return package.models.model_from_json(text)


def _arranged(package: Any, model: Any, inputs: Mapping[str, Numbers]) -> Any:
    """The inputs in the structure that the model wants them in."""
    structure = _input_structure(model)
    if structure is None:
        (array,) = inputs.values()
        return array
    mapped = package.tree.map_structure if hasattr(package, "tree") else _tf_nest().map_structure
    return mapped(lambda tensor: _as_kind(inputs[_history(tensor)[0].name], tensor), structure)


def _input_structure(model: Any) -> Any:
    """The symbolic inputs; None for a Sequential model that learns of its input when it is called."""
    try:
        return model.input
    except (AttributeError, ValueError):
        return None


def _tf_nest() -> Any:
    import tensorflow

    return tensorflow.nest


def _history(tensor: Any) -> Any:
    return tensor._keras_history  # noqa: SLF001  # the only way from a tensor to its layer


def _as_kind(array: Numbers, tensor: Any) -> Numbers:
    kind = getattr(tensor.dtype, "name", tensor.dtype)
    return array.astype(kind)


def _set(layer: Any, arrays: Sequence[Numbers]) -> None:
    """Fill a layer; Normalization computes with a copy that it makes when it is told that it is filled."""
    layer.set_weights(list(arrays))
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()


def _layer(model: Any, path: str) -> Any:
    """The layer at a path; the model inside a wrapper counts as the wrapper."""
    inside = model if hasattr(model, "layers") else model.layer
    for layer in inside.layers:
        if layer.name == path:
            return layer
        if path.startswith(f"{layer.name}/"):
            return _layer(layer, path[len(layer.name) + 1 :])
    raise Unusable(f"the model has no layer {path}")


class _Watch:
    """Hands over what layers give while a model runs."""

    def __init__(self, package: Any, wanted: frozenset[LayerCall], receive: Receiver[LayerCall]) -> None:
        self.package = package
        self.wanted = wanted
        self.receive = receive
        self.path: tuple[tuple[str, int], ...] = ()
        self.counts: dict[tuple[tuple[tuple[str, int], ...], str], int] = {}
        self.seen: set[int] = set()
        self.held: dict[LayerCall, Any] | None = None

    @property
    def backend(self) -> str:
        """What computes."""
        return str(self.package.backend.backend())

    @contextmanager
    def holding(self) -> Iterator[dict[LayerCall, Any]]:
        """Collect tensors as they are, instead of handing over their numbers."""
        self.held = {}
        self.path, self.counts = (), {}
        try:
            yield self.held
        finally:
            self.held = None

    def models(self, model: Any) -> None:
        """Watch the layers of a model, and of the models in it."""
        order = _call_order(model)
        for layer in _operations(model):
            if id(layer) in self.seen:
                continue
            self.seen.add(id(layer))
            object.__setattr__(layer, "call", self._watched(layer, layer.call, order.get(id(layer), ())))
            if hasattr(layer, "layers"):
                self.models(layer)

    def _watched(self, layer: Any, call: Callable[..., Any], order: Sequence[int]) -> Callable[..., Any]:
        @functools.wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            before, name = self.path, layer.name
            count = self.counts.get((before, name), 0)
            self.counts[before, name] = count + 1
            self.path = (*before, (name, order[count] if count < len(order) else count))
            try:
                results = call(*args, **kwargs)
                for i, tensor in enumerate(_flat(results)):
                    place = LayerCall(self.path, i)
                    if place in self.wanted and tensor is not None:
                        self._take(place, tensor)
                return results
            finally:
                self.path = before

        return watched

    def _take(self, place: LayerCall, tensor: Any) -> None:
        if self.held is None:
            self.receive(place, self.numbers(tensor))
        else:
            self.held[place] = tensor

    def numbers(self, tensor: Any) -> Numbers:
        """A tensor's numbers."""
        convert = getattr(getattr(self.package, "ops", None), "convert_to_numpy", None)
        made: Numbers = tensor.numpy() if convert is None else convert(tensor)
        return made


def _operations(model: Any) -> Sequence[Any]:
    """Layers, and in Keras 3 the functions that were called between them."""
    found: Sequence[Any] = getattr(model, "operations", None) or model.layers
    return found


def _flat(results: Any) -> Iterator[Any]:
    if isinstance(results, dict):
        for key in sorted(results):
            yield from _flat(results[key])
    elif isinstance(results, (list, tuple)):
        for item in results:
            yield from _flat(item)
    else:
        yield results


def _call_order(model: Any) -> dict[int, list[int]]:
    """For each layer, by its identity, the numbers of its calls in the order in which the model makes them."""
    levels: Mapping[int, Sequence[Any]] = getattr(model, "_nodes_by_depth", {})
    made: dict[int, list[int]] = {}
    for _, nodes in sorted(levels.items(), key=operator.itemgetter(0), reverse=True):
        for node in nodes:
            layer = getattr(node, "operation", None) or getattr(node, "layer", None)
            if layer is not None and node in layer._inbound_nodes:  # noqa: SLF001  # Keras has no public list of calls
                made.setdefault(id(layer), []).append(layer._inbound_nodes.index(node))  # noqa: SLF001
    return {key: [sorted(numbers).index(number) for number in numbers] for key, numbers in made.items()}
