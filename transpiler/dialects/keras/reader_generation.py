"""Which Keras wrote a file: from the version it states, or else from the words it uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from transpiler.dialects.keras.model import Generation
from transpiler.dialects.keras.upgrade_keras1 import KERAS1_CLASS_NAMES
from transpiler.syntax.json import JsonArray, JsonObject, JsonScalar, JsonValue

_KERAS1_KEYS: Final = frozenset({
    "nb_filter", "nb_row", "nb_col", "border_mode", "dim_ordering", "W_regularizer", "b_regularizer", "W_constraint",
    "inner_activation", "inner_init", "concat_axis", "pool_length", "subsample", "subsample_length", "dropout_W",
    "input_dtype", "node_config", "custom_name",
})  # fmt: skip
_KERAS3_KEYS: Final = frozenset({"batch_shape", "keras_history"})
_TF_KERAS_KEYS: Final = frozenset({"module", "time_major", "ragged", "groups"})
_KERAS2_KEYS: Final = frozenset(
    {"kernel_initializer", "batch_input_shape", "data_format", "units", "filters"}
)

_TF_KERAS_CLASSES: Final = frozenset({
    "Functional", "TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "GlorotUniform", "ClassMethod",
})  # fmt: skip
_KERAS3_CLASSES: Final = frozenset({"__keras_tensor__", "DTypePolicy"})
_OLD_KERAS1_CLASSES: Final = frozenset(KERAS1_CLASS_NAMES)


def generation_of_version(version: str) -> Generation | None:
    """Return the generation of a version number like "1.2.2", "2.2.4-tf", "2.15.0", "3.8.0"; None if it is
    none.
    """
    numbers = version.strip().split("-")[0].split(".")
    if not numbers[0].isdigit():
        return None
    major = int(numbers[0])
    minor = int(numbers[1]) if len(numbers) > 1 and numbers[1].isdigit() else 0
    if major != 2:
        return Generation.KERAS1 if major < 2 else Generation.KERAS3
    return Generation.TF_KERAS if "tf" in version or minor >= 4 else Generation.KERAS2


def generation_of_words(root: JsonValue) -> Generation:
    """Return the generation whose words a file without a version uses; Keras 3 if it uses none of them."""
    keys, classes = set(), set()
    for key, value in _members(root):
        keys.add(key)
        if key == "class_name" and isinstance(value, JsonScalar) and isinstance(value.value, str):
            classes.add(value.value)
    if keys & _KERAS3_KEYS or classes & _KERAS3_CLASSES:
        return Generation.KERAS3
    if keys & _KERAS1_KEYS or classes & _OLD_KERAS1_CLASSES:
        return Generation.KERAS1
    is_keras2 = bool(keys & _KERAS2_KEYS)
    if classes & _TF_KERAS_CLASSES - {"Functional"} or (
        is_keras2 and (keys & _TF_KERAS_KEYS or "Functional" in classes)
    ):
        return (
            Generation.KERAS3 if "batch_input_shape" not in keys and "module" in keys else Generation.TF_KERAS
        )
    if is_keras2 or "Model" in classes:
        return Generation.KERAS2
    return Generation.KERAS3 if "module" in keys else Generation.KERAS2


def common_data_format(root: JsonValue) -> str | None:
    """Return the order of dimensions that all layers that state one agree on; None if they state none or
    differ.
    """
    spoken = {"th": "channels_first", "tf": "channels_last"}
    found = set()
    for key, value in _members(root):
        if (
            key in ("dim_ordering", "data_format")
            and isinstance(value, JsonScalar)
            and isinstance(value.value, str)
        ):
            found.add(spoken.get(value.value, value.value))
    return found.pop() if len(found) == 1 else None


def _members(root: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """Yield every key and value of every object in a tree."""
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, JsonObject):
            for item in node.members:
                yield item.key, item.value
                pending.append(item.value)
        elif isinstance(node, JsonArray):
            pending.extend(node.items)
