"""A Keras model as plain data: one structure for every generation of its JSON, in the spelling of Keras 3.

`transpiler.dialects.keras.reader.read_model` makes it from JSON of any generation; `to_keras3` and
`to_keras2` of `transpiler.dialects.keras.writer` turn it back into the dicts that Keras writes.

Layer configs say everything in Keras 3 words, plus a few *marker* values for old meanings that Keras 3 has no
word for. They are listed in `transpiler.dialects.keras.upgrade`.

What a layer was called on is a *structure*: tensors (`TensorRef`) and constants in lists, tuples, dicts and
`slice`s, as in the Python call. Constants are plain numbers and strings, `ArrayConstant` where the file holds
an array, and `...`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from transpiler.diagnostics import Span
from transpiler.diagnostics.compared import Compared
from transpiler.dialects.rows import ArrayUse

if TYPE_CHECKING:
    from transpiler.syntax.json import JsonValue


class Generation(enum.StrEnum):
    """Which Keras a file was written by: they spell the same layers differently."""

    KERAS1 = "keras1"
    """Keras 0.x and 1.x."""
    KERAS2 = "keras2"
    """The package `keras` 2.0 to 2.3."""
    TF_KERAS = "tf_keras"
    """`tf.keras` of TensorFlow 1.4 to 2.15, `keras` 2.4 to 2.15, and the package `tf-keras`."""
    KERAS3 = "keras3"


class ModelKind(enum.StrEnum):
    """How a model says what follows what."""

    SEQUENTIAL = "Sequential"
    FUNCTIONAL = "Functional"


class TensorRef(Compared, frozen=True, eq=False):
    """One output of one call of a layer. `node_index` counts the layer's calls in this model from 0.

    `shape` (batch first, None for unknown) and `dtype` are what the file says of the tensor; they do not take
    part in comparison, and only Keras 3 writes them.
    """

    beside = frozenset({"shape", "dtype"})

    layer: str
    node_index: int = 0
    tensor_index: int = 0
    shape: tuple[int | None, ...] | None = None
    dtype: str | None = None


class ArrayConstant(msgspec.Struct, frozen=True):
    """An array written into a call: nested lists of numbers, and their dtype."""

    value: Any
    dtype: str


class Call(msgspec.Struct, frozen=True):
    """One call of a layer: what stands in the parentheses. Positional arguments first, as in Python."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @property
    def tensors(self) -> tuple[TensorRef, ...]:
        """Every tensor in the call, positional arguments first, in the order written."""
        return tuple(tensors_in((self.args, dict(self.kwargs))))


class KerasLayer(Compared, frozen=True, eq=False):
    """A layer, an operation of Keras 3 (`is_operation`), or a nested model (`model`), with its calls.

    `config` is in Keras 3 spelling and holds neither the layers of a nested model nor the layers inside a
    wrapper: those are `model` and `inner` ("layer", "backward_layer", "cell", "cells.0", …). Arguments may be
    absent: then the default of Keras 3 holds (see `transpiler.dialects.keras.defaults`).
    """

    beside = frozenset({"original_class_name", "span", "ast", "arrays", "origins"})

    class_name: str
    name: str
    config: Mapping[str, Any] = msgspec.field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    model: KerasModel | None = None
    inner: Mapping[str, KerasLayer] = msgspec.field(default_factory=dict)
    module: str | None = None
    """Where Keras 3 finds the class; None stands for "keras.layers"."""
    registered_name: str | None = None
    original_class_name: str | None = None
    """The class as the file names it, if the layer was read from one."""
    span: Span | None = None
    ast: JsonValue | None = None
    """The config as written."""
    arrays: tuple[ArrayUse, ...] = ()
    """What fills the layer's weights, in Keras's order, if the layer was made from a graph."""
    origins: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Which key of the config as written a key of `config` comes from, where the two differ."""

    @property
    def is_operation(self) -> bool:
        """Whether this is a function of `keras.ops`, not a layer: some names (Add) exist as both."""
        return self.module is not None and self.module.startswith("keras.src.ops.")

    def span_of(self, *path: str | int) -> Span | None:
        """Return where an argument (`"strides"`), or a part of one (`"strides", 0`), is written.

        An argument that is not written has the place of the whole layer.
        """
        if self.ast is None or not path:
            return self.span
        from transpiler.syntax.json import span_at

        first, *rest = path
        origin = self.origins.get(first, first) if isinstance(first, str) else first
        place = span_at(self.ast, [origin, *rest])
        return self.span if place is None or place == self.ast.span else place


class KerasModel(Compared, frozen=True, eq=False):
    """A model: layers in the order written. Also used for models nested in others.

    In a Sequential model each layer is called once, on the output of the one before; these calls are written
    out, so that both kinds are walked alike. An input shape that the file gives as an argument of the first
    layer is an InputLayer here. A Sequential model of unknown input shape has no InputLayer, its first
    layer's call has no arguments, and `inputs` is empty.
    """

    beside = frozenset({"compile_config", "span"})

    kind: ModelKind
    name: str
    layers: tuple[KerasLayer, ...] = ()
    input_structure: Any = ()
    """The inputs as passed to `Model(inputs=…)`: a TensorRef, or a list or dict of them."""
    output_structure: Any = ()
    config: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """What else the model's config says: `trainable`, `dtype`, `build_input_shape`."""
    generation: Generation = Generation.KERAS3
    version: str | None = None
    """The version of Keras that wrote the file, if the file says."""
    backend: str | None = None
    compile_config: Mapping[str, Any] | None = None
    span: Span | None = None

    @property
    def inputs(self) -> tuple[TensorRef, ...]:
        """The inputs, flat; those of a dict in the order of its sorted keys, as Keras has it."""
        return tuple(tensors_in(self.input_structure, sort_keys=True))

    @property
    def outputs(self) -> tuple[TensorRef, ...]:
        """The outputs, flat; those of a dict in the order of its sorted keys, as Keras has it."""
        return tuple(tensors_in(self.output_structure, sort_keys=True))

    def layer(self, name: str) -> KerasLayer:
        """Return the layer of that name; raises KeyError."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)


def tensors_in(structure: Any, *, sort_keys: bool = False) -> Iterator[TensorRef]:
    """Yield the tensors of a structure in order."""
    if isinstance(structure, TensorRef):
        yield structure
    elif isinstance(structure, dict):
        for key in sorted(structure) if sort_keys else structure:
            yield from tensors_in(structure[key], sort_keys=sort_keys)
    elif isinstance(structure, list | tuple):
        for item in structure:
            yield from tensors_in(item, sort_keys=sort_keys)
    elif isinstance(structure, slice):
        yield from tensors_in((structure.start, structure.stop, structure.step), sort_keys=sort_keys)


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """Apply a function to every leaf of a structure; lists, tuples, dicts and slices keep their form."""
    if isinstance(structure, dict):
        return {key: map_structure(function, value) for key, value in structure.items()}
    if isinstance(structure, list):
        return [map_structure(function, value) for value in structure]
    if isinstance(structure, tuple):
        return tuple(map_structure(function, value) for value in structure)
    if isinstance(structure, slice):
        return slice(
            *(map_structure(function, part) for part in (structure.start, structure.stop, structure.step))
        )
    return function(structure)
