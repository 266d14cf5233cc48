"""Writing Keras's weight files through h5py: those of Keras 3 by containers, those of Keras 2 by lists of names.

Files hold no times, so that the same weights give the same bytes; one array is in memory at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from transpiler.diagnostics import CompileError, Diagnostic, Severity
from transpiler.ir import LazyArray
from transpiler.weights.keras_legacy import Slot, slots
from transpiler.weights.keras_places import places
from transpiler.weights.keras_tree import LayerTree, tree_of_document
from transpiler.weights.keras_variables import Variable, variables
from transpiler.weights.layer_arrays import LayerArrays, decoded, numpy_dtype, regions
from transpiler.weights.unreadable import file_span

_LONGEST_LIST: Final = 64512
"""Bytes of the longest attribute that HDF5 keeps in one piece, as Keras has it."""
_KERAS_2: Final = "2.15.0"


def h5py_for(path: str) -> Any:
    """The package h5py. Raises CompileError where it is not installed; `path` is the file that was to be written."""
    try:
        import h5py
    except ImportError as error:
        raise CompileError(
            [
                Diagnostic(
                    "T7011",
                    Severity.ERROR,
                    "writing this file needs the package h5py, which is not installed",
                    file_span(path),
                    help="pip install h5py",
                )
            ]
        ) from error
    return h5py


def _new_file(h5py: Any, path: Path) -> Any:
    return h5py.File(path, "w-", libver="earliest", track_order=False)


def _write_array(group: Any, name: str, array: LazyArray) -> None:
    stored = group.create_dataset(name, array.shape, numpy_dtype(array), track_times=False)
    if 0 in array.shape:
        return
    for place, part in regions(decoded(array)):
        stored[place or ...] = part


def write_store(h5py: Any, path: Path, document: Any, layers: Iterable[LayerArrays]) -> None:
    """Write a `.weights.h5` of Keras 3 for the model that `document` (its parsed JSON) describes.

    Raises ValueError where the layers are not those of the model, or have not the arrays of their class.
    """
    tree = tree_of_document(document)
    found = places(tree)
    done: set[str] = set()
    with _new_file(h5py, path) as file:
        file.create_group("vars").attrs["name"] = tree.name
        for placed in found.values():
            file.create_group(f"{placed.group}/vars").attrs["name"] = placed.layer.name
        for given in layers:
            if given.path not in found or given.path in done:
                raise ValueError(f"'{given.path}' is no layer of the model, or is given twice")
            done.add(given.path)
            placed = found[given.path]
            for variable, array in zip(_expected(placed.layer, given), given.arrays, strict=True):
                for place, number in variable.places:
                    holder = "/".join(filter(None, (placed.group, place, "vars")))
                    _write_array(file.require_group(holder), str(number), array)
    _check_complete(((path, placed.layer) for path, placed in found.items()), done)


def _expected(layer: LayerTree, given: LayerArrays) -> Sequence[Variable]:
    """A layer's variables; those of an unknown class are numbered."""
    known = variables(layer.class_name, layer.config)
    if known is None:
        return [Variable(str(i), (("", i),)) for i in range(len(given.arrays))]
    if len(known) != len(given.arrays):
        raise ValueError(
            f"the {layer.class_name} layer '{given.path}' has {len(known)} arrays, not {len(given.arrays)}"
        )
    return known


def _check_complete(layers: Iterable[tuple[str, LayerTree]], done: set[str]) -> None:
    for path, layer in layers:
        if path not in done and layer.layers is None and variables(layer.class_name, layer.config):
            raise ValueError(f"the {layer.class_name} layer '{path}' is given no arrays")


def write_legacy(
    h5py: Any, path: Path, document: Mapping[str, Any], layers: Iterable[LayerArrays], *, whole: bool
) -> None:
    """Write a `.h5` of Keras 2 for the model that `document` (its parsed JSON) describes, with the model if `whole`.

    Raises ValueError where the layers are not those of the model, or have not the arrays of their class.
    """
    tree = tree_of_document(document)
    with _new_file(h5py, path) as file:
        root = file.create_group("model_weights") if whole else file
        for group in {id(file): file, id(root): root}.values():
            group.attrs["keras_version"] = str(document.get("keras_version", _KERAS_2))
            group.attrs["backend"] = str(document.get("backend", "tensorflow"))
        if whole:
            said = {"class_name": document["class_name"], "config": document["config"]}
            file.attrs["model_config"] = json.dumps(said)
        _write_lists(root, tree, layers)


def _write_lists(root: Any, tree: LayerTree, layers: Iterable[LayerArrays]) -> None:
    tops = {layer.name: layer for layer in tree.layers or () if layer.class_name}
    lists = {name: slots(layer) for name, layer in tops.items()}
    owner = {path: name for name, layer in tops.items() for path in _paths(name, layer)}
    leaves = dict(tree.leaves())
    names: dict[str, dict[tuple[str, int], str]] = {name: {} for name in tops}
    for name in tops:
        root.require_group(name)  # another layer may be called as if it lay within this one
    done: set[str] = set()
    for given in layers:
        if given.path not in owner or given.path in done:
            raise ValueError(f"'{given.path}' is no layer of the model, or is given twice")
        done.add(given.path)
        top = owner[given.path]
        below = given.path[len(top) + 1 :]
        for number, (variable, array) in enumerate(
            zip(_expected(leaves[given.path], given), given.arrays, strict=True)
        ):
            name = f"{below or top}/{variable.name}:0"
            _write_array(root[top], name, array)
            names[top][below, number] = name
    _check_complete(leaves.items(), done)
    _set_list(root, "layer_names", list(tops))
    for name, found in names.items():
        _set_list(root[name], "weight_names", _ordered(name, lists[name], found))


def _paths(name: str, layer: LayerTree) -> list[str]:
    return [name] if layer.layers is None else [path for path, _ in layer.leaves(name)]


def _ordered(name: str, expected: list[Slot] | None, found: Mapping[tuple[str, int], str]) -> list[str]:
    """The names of a layer's arrays in the order in which Keras 2 takes them."""
    if expected is not None:
        return [found[slot.path, slot.number] for slot in expected]
    if any(path for path, _ in found):
        raise ValueError(f"'{name}' holds a layer of which nobody knows what arrays it has")
    return list(found.values())


def _set_list(group: Any, name: str, texts: Sequence[str]) -> None:
    """Set a list of texts, in several attributes where one would be too long."""
    import numpy as np

    if not texts:
        group.attrs[name] = np.zeros(0)
        return
    width = max(len(text.encode()) for text in texts)
    step = max(_LONGEST_LIST // max(width, 1), 1)
    parts = [texts[i : i + step] for i in range(0, len(texts), step)]
    for number, part in enumerate(parts):
        key = name if len(parts) == 1 else f"{name}{number}"
        group.attrs[key] = np.array([text.encode() for text in part], f"S{max(width, 1)}")
