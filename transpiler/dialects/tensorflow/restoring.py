"""Under which names a graph looks for its variables in a checkpoint: what it assigns when it restores them.

Variables of TensorFlow 1 are stored under their own names unless somebody chose others; those of TensorFlow 2 under
paths through objects (`layers/0/kernel/.ATTRIBUTES/VARIABLE_VALUE`), which only the graph of a SavedModel knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from transpiler.dialects.tensorflow.functions import FlatGraph, FlatNode, Tensor
from transpiler.dialects.tensorflow.graph_def import TensorProto
from transpiler.dialects.tensorflow.ops_table import VARIABLES
from transpiler.ir import LazyArray

_ASSIGNS: Final = frozenset({"Assign", "AssignVariableOp"})
_RESTORES: Final = "RestoreV2"
_NAMES: Final = 1
"""Which operand of a restoring node lists the names."""

Resolve = Callable[[Tensor], Tensor]
"""What stands behind a tensor that is passed on."""


def symbol_of(node: FlatNode) -> str:
    """By which a variable is known: graphs may name it twice, once for everybody who shares it."""
    return str(node.get("shared_name") or node.name)


def held_variables(
    flat: FlatGraph, resolve: Resolve, stored: Mapping[str, LazyArray]
) -> dict[str, LazyArray]:
    """The arrays of a checkpoint by the symbols of the graph's variables."""
    names = _restored(flat, resolve)
    found: dict[str, LazyArray] = {}
    for node in flat.nodes.values():
        if node.op in VARIABLES:
            symbol = symbol_of(node)
            keys = (names.get(node.name, symbol), symbol, node.name)
            array = next((stored[key] for key in keys if key in stored), None)
            if array is not None:
                found[symbol] = array
    return found


def _restored(flat: FlatGraph, resolve: Resolve) -> dict[str, str]:
    """Node of a variable -> the name under which the graph restores it."""
    texts: dict[str, tuple[str, ...]] = {}
    found: dict[str, str] = {}
    for node in flat.nodes.values():
        if node.op not in _ASSIGNS or len(node.inputs) < 2:
            continue
        (variable, _), (source, index) = resolve(node.inputs[0]), resolve(node.inputs[1])
        restoring = flat.nodes.get(source)
        if restoring is None or restoring.op != _RESTORES:
            continue
        if source not in texts:
            texts[source] = _names(flat, restoring, resolve)
        if index < len(texts[source]):
            found[variable] = texts[source][index]
    return found


def _names(flat: FlatGraph, restoring: FlatNode, resolve: Resolve) -> tuple[str, ...]:
    if len(restoring.inputs) <= _NAMES:
        return ()
    node = flat.nodes.get(resolve(restoring.inputs[_NAMES])[0])
    value = None if node is None or node.op != "Const" else node.get("value")
    if not isinstance(value, TensorProto) or value.dtype.value != "DT_STRING":
        return ()
    try:
        items = value.array().reshape(-1)
    except ValueError:
        return ()
    return tuple(item.decode("utf-8", errors="backslashreplace") for item in items)
