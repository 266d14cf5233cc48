"""One layer of any generation: its class and config in Keras 3 spelling, with the layers and models inside
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from transpiler.dialects.keras.model import Call, KerasLayer, KerasModel, ModelKind, TensorRef
from transpiler.dialects.keras.naming import APPLICATIONS_PACKAGE, OPERATIONS_PACKAGE, snake_case
from transpiler.dialects.keras.reader_entry import Entry, ReadContext, member, read_entry
from transpiler.dialects.keras.upgrade import upgrade_layer
from transpiler.dialects.keras.upgrade_layer import LayerUpgrade
from transpiler.dialects.keras.upgrade_merge import upgrade_merge
from transpiler.syntax.json import JsonArray, JsonObject

MODEL_CLASSES: Final = ("Model", "Functional", "Sequential")

_INNER: Final = ("layer", "backward_layer", "cell")
_INNER_LIST: Final = "cells"

SubmodelReader = Callable[[Entry, str, ReadContext], KerasModel | None]


class ReadLayer(msgspec.Struct, frozen=True):
    """A layer without its calls, and what its calls need besides what is written."""

    layer: KerasLayer
    call_kwargs: dict[str, Any] = msgspec.field(default_factory=dict)
    needs_axis: bool = False
    """Whether the result gets an axis of size 1 behind the batch (Keras 1's cosine merge)."""

    def with_calls(self, calls: list[Call]) -> tuple[KerasLayer, ...]:
        """Return the layer with its calls, and the operation behind it if it needs one."""
        complete = tuple(Call(call.args, {**self.call_kwargs, **call.kwargs}) for call in calls)
        if not self.needs_axis:
            return (msgspec.structs.replace(self.layer, calls=complete),)
        return _with_axis(msgspec.structs.replace(self.layer, calls=complete))


def is_model(entry: Entry) -> bool:
    """Whether an entry is a nested model whose layers are written in it."""
    if isinstance(entry.config, JsonArray):
        return True
    if entry.class_name == "Sequential":
        return member(entry.config, "layers") is not None
    return all(member(entry.config, key) is not None for key in ("layers", "input_layers", "output_layers"))


def read_layer(entry: Entry, name: str, context: ReadContext, read_submodel: SubmodelReader) -> ReadLayer:
    """Return a layer, upgraded; errors inside it are reported, and it is returned as far as it could be
    read.
    """
    if is_model(entry):
        return ReadLayer(_nested_model(entry, name, context, read_submodel))
    inner_keys = _inner_keys(entry)
    inner = _inner_layers(entry, inner_keys, name, context, read_submodel)
    config = {key: value for key, value in entry.arguments.items() if key not in inner_keys}
    upgrade = LayerUpgrade(
        class_name=entry.class_name,
        name=name,
        config=config,
        context=context.upgrade,
        ast=entry.config,
        module=entry.module,
        registered_name=entry.registered_name,
        span=entry.span,
    )
    is_operation = entry.module is not None and entry.module.startswith(f"{OPERATIONS_PACKAGE}.")
    needs_axis = upgrade.class_name == "Merge" and upgrade_merge(upgrade)
    if not is_operation:
        upgrade_layer(upgrade)
    is_renamed = upgrade.class_name != entry.class_name
    layer = KerasLayer(
        class_name=upgrade.class_name,
        name=name,
        config=upgrade.config,
        inner=inner,
        module=None if is_renamed else _public_module(entry.module),
        registered_name=None if is_renamed else entry.registered_name,
        original_class_name=entry.class_name,
        span=entry.span,
        ast=entry.config,
        origins=upgrade.origins,
    )
    return ReadLayer(layer, upgrade.call_kwargs, needs_axis)


def _public_module(module: str | None) -> str | None:
    """Return where Keras 3 finds the class: None for its own layers, however the file names their module."""
    if module is not None and module.startswith(f"tf_{APPLICATIONS_PACKAGE}."):
        return module.removeprefix("tf_")
    if (
        module is None
        or module in ("keras.layers", "keras")
        or module.startswith(("tf_keras.", "keras.src.layers."))
    ):
        return None
    return module


def _nested_model(entry: Entry, name: str, context: ReadContext, read_submodel: SubmodelReader) -> KerasLayer:
    model = read_submodel(entry, name, context)
    kind = model.kind.value if model is not None else ModelKind.FUNCTIONAL.value
    return KerasLayer(
        class_name=kind,
        name=name,
        model=model,
        original_class_name=entry.class_name,
        span=entry.span,
        ast=entry.config,
    )


def _inner_keys(entry: Entry) -> tuple[str, ...]:
    """Return the keys of a wrapper's config that hold layers."""
    keys = [key for key in _INNER if member(member(entry.config, key), "class_name") is not None]
    cells = member(entry.config, _INNER_LIST)
    is_list = isinstance(cells, JsonArray) and all(isinstance(item, JsonObject) for item in cells.items)
    return (*keys, _INNER_LIST) if is_list else tuple(keys)


def _inner_layers(
    entry: Entry, keys: Sequence[str], name: str, context: ReadContext, read_submodel: SubmodelReader
) -> dict[str, KerasLayer]:
    nodes = {}
    for key in keys:
        node = member(entry.config, key)
        if key == _INNER_LIST and isinstance(node, JsonArray):
            nodes.update({f"{key}.{index}": item for index, item in enumerate(node.items)})
        elif node is not None:
            nodes[key] = node
    inner = {}
    for key, node in nodes.items():
        inner_entry = read_entry(node, context.sink)
        if inner_entry is None:
            continue
        inner_name = inner_entry.name or f"{name}_{snake_case(inner_entry.class_name)}"
        inner[key] = read_layer(inner_entry, inner_name, context, read_submodel).layer
    return inner


def _with_axis(layer: KerasLayer) -> tuple[KerasLayer, ...]:
    """Put an ExpandDims behind a layer; it takes over the name, so that whoever uses the layer uses it."""
    product = msgspec.structs.replace(layer, name=f"{layer.name}/product")
    calls = tuple(Call((TensorRef(product.name, index, 0),)) for index in range(len(layer.calls)))
    axis = KerasLayer(
        class_name="ExpandDims",
        name=layer.name,
        config={"axis": 1},
        calls=calls,
        module=f"{OPERATIONS_PACKAGE}.numpy",
        registered_name="ExpandDims",
        original_class_name=layer.original_class_name,
        span=layer.span,
        ast=layer.ast,
    )
    return (product, axis)
