"""Reading the `.h5` files of Keras 0 to 3: groups by layer, arrays listed in attributes, perhaps the whole model.

Where the model is known (from the file, or given beside it), arrays of models within models are told apart by layer,
and those of old Keras versions are given as Keras 2 would hold them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from transpiler.diagnostics import Sink
from transpiler.dialects.keras.reader import read_model
from transpiler.ir import LazyArray
from transpiler.syntax.json import from_python
from transpiler.weights.hdf5 import Group
from transpiler.weights.keras_legacy import slots
from transpiler.weights.keras_old import TURNED, Era, as_keras2
from transpiler.weights.keras_tree import LayerTree, tree_of_model
from transpiler.weights.stored import Stored, WeightFile
from transpiler.weights.unreadable import damaged, file_span, unmatched, unsupported

MODEL: Final = "model_config"
_WEIGHTS: Final = "model_weights"
_GIVE_MODEL: Final = "give the model's description (model.json) with it"


class _Entry(msgspec.Struct, frozen=True):
    """What the file has under the name of one layer: its arrays and what they are called, in the file's order."""

    name: str
    names: tuple[str, ...]
    arrays: tuple[LazyArray, ...]

    def key(self, number: int) -> str:
        return f"{self.name}/{self.names[number]}"


def is_keras_h5(root: Group) -> bool:
    """Whether an HDF5 file lists layers as Keras does in `.h5` files."""
    here = _weights_group(root)
    return here.texts("layer_names") is not None or here.attribute("nb_layers") is not None


def model_text(root: Group) -> str | None:
    """The JSON of the model that the file holds, with the version and backend of the Keras that wrote it."""
    text = root.attribute(MODEL)
    if not isinstance(text, str):
        return None
    said = {key: root.attribute(key) for key in ("keras_version", "backend")}
    settings = {key: value for key, value in said.items() if isinstance(value, str)}
    try:
        return json.dumps({**settings, MODEL: json.loads(text)})
    except (ValueError, RecursionError):
        return text  # whoever parses it says what is wrong with it, and where


def read_keras_h5(root: Group, name: str, sink: Sink, document: Any = None) -> WeightFile:
    """The arrays of all layers, in today's order. `document`: the model's JSON where the file does not hold it.

    Raises Unreadable, and CompileError for a model that makes no sense.
    """
    here = _weights_group(root)
    model = _model(root, document)
    if here.attribute("nb_layers") is not None:
        entries = _numbered_entries(here, model)
    else:
        entries = [_entry(here, layer) for layer in here.texts("layer_names") or ()]
    entries = [entry for entry in entries if entry.arrays]
    era = _era(root, here, entries)
    if model is None:
        return WeightFile(name, "keras", _without_model(entries, era))
    layers: dict[str, tuple[Stored, ...]] = {}
    for entry, path, layer in _matched(entries, model, name, sink):
        for below, stored in _by_layer(entry, layer):
            leaf = layer.below(below)
            layers["/".join(filter(None, (path, below)))] = _in_order(leaf, stored, era)
    _warn_of_turning(model, layers, era, name, sink)
    return WeightFile(name, "keras", layers)


def _weights_group(root: Group) -> Group:
    return root.child(_WEIGHTS) if _WEIGHTS in root.links else root


def _entry(group: Group, name: str) -> _Entry:
    here = group.child(name)
    names = here.texts("weight_names")
    if names is None:
        raise damaged(f"the file does not list the arrays of layer '{name}'")
    return _Entry(name, tuple(names), tuple(here.child(weight).array() for weight in names))


def _numbered_entries(group: Group, model: LayerTree | None) -> list[_Entry]:
    """The layers of a file of Keras 0, which numbers them: all of the model's but its inputs."""
    if model is None:
        raise unmatched("the file, of Keras 0, numbers its layers and does not name them", _GIVE_MODEL)
    layers = [layer for layer in model.layers or () if layer.class_name != "InputLayer"]
    count = group.attribute("nb_layers")
    if getattr(count, "size", 0) != 1 or int(count.reshape(-1)[0]) != len(layers):
        raise unmatched(f"the model has {len(layers)} layers, which is not what the file says")
    entries = []
    for number, layer in enumerate(layers):
        here = group.child(f"layer_{number}")
        names = tuple(f"param_{i}" for i in range(len(here.links)))
        if names and layer.class_name == "BatchNormalization":
            raise unsupported(
                "before Keras 1.0.5, BatchNormalization kept standard deviations, which no later layer uses"
            )
        entries.append(_Entry(layer.name, names, tuple(here.child(one).array() for one in names)))
    return entries


def _model(root: Group, document: Any) -> LayerTree | None:
    text = model_text(root)
    if document is None and text is not None:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise damaged("the model that the file holds is no valid JSON") from None
    if document is None:
        return None
    return tree_of_model(read_model(from_python(document), Sink()))


def _era(root: Group, here: Group, entries: Sequence[_Entry]) -> Era:
    """Which Keras wrote the file, on what. Keras 1 does not say, but TensorFlow's names end in a number."""
    version = here.attribute("keras_version") or root.attribute("keras_version")
    backend = here.attribute("backend") or root.attribute("backend")
    is_keras1 = not isinstance(version, str) or version.partition(".")[0] in ("0", "1")
    if not isinstance(backend, str):
        names = [name for entry in entries for name in entry.names if not name.startswith("param_")]
        is_told = is_keras1 and bool(names)
        backend = ("tensorflow" if any(":" in name for name in names) else "theano") if is_told else None
    return Era(is_keras1, backend)


def _warn_of_turning(
    model: LayerTree, layers: dict[str, tuple[Stored, ...]], era: Era, name: str, sink: Sink
) -> None:
    turned = [path for path, layer in model.leaves() if path in layers and layer.class_name in TURNED]
    if not turned or not (era.on_theano or era.backend is None):
        return
    done = (
        "were trained on Theano, as the file tells, and are turned around as other backends have them"
        if era.on_theano
        else "are taken as they are; had they been trained on Theano, they would have to be turned around"
    )
    sink.warning(
        "T7009",
        f"the kernels of {len(turned)} layers ('{turned[0]}' first) {done}",
        file_span(name),
    )


def _without_model(entries: Sequence[_Entry], era: Era) -> dict[str, tuple[Stored, ...]]:
    """Layers as the file names them. A name before an array that is not the layer's is that of a layer within it."""
    if era.is_keras1 or era.on_theano:
        raise unmatched("the file is of Keras 1, whose arrays lie as the model's settings say", _GIVE_MODEL)
    layers: dict[str, list[Stored]] = {}
    for entry in entries:
        for number, array in enumerate(entry.arrays):
            head, _, rest = entry.names[number].partition("/")
            path = f"{entry.name}/{head}" if rest and head != entry.name else entry.name
            layers.setdefault(path, []).append(Stored(entry.key(number), array))
    return {path: tuple(found) for path, found in layers.items()}


def _matched(
    entries: Sequence[_Entry], model: LayerTree, name: str, sink: Sink
) -> list[tuple[_Entry, str, LayerTree]]:
    """Each entry with the path and the layer it belongs to: by name, else by order as Keras itself has it."""
    tops = {layer.name: (layer.name, layer) for layer in model.layers or ()}
    inside: dict[str, list[tuple[str, LayerTree]]] = {}
    for path, layer in model.leaves():
        inside.setdefault(layer.name, []).append((path, layer))
    found = []
    for entry in entries:
        place = tops.get(entry.name)
        if place is None and len(inside.get(entry.name, ())) == 1:
            place = inside[entry.name][0]  # Keras 1 lists the layers of merged models as the outer model's
        if place is None:
            return _by_position(entries, model, name, sink)
        found.append((entry, *place))
    return found


def _by_position(
    entries: Sequence[_Entry], model: LayerTree, name: str, sink: Sink
) -> list[tuple[_Entry, str, LayerTree]]:
    layers = [layer for layer in model.layers or () if slots(layer) != []]
    if len(layers) != len(entries):
        unknown = next(entry.name for entry in entries if entry.name not in {layer.name for layer in layers})
        raise unmatched(
            f"the file has arrays for {len(entries)} layers, the model {len(layers)} layers that have any; "
            f"'{unknown}' is none of the model's"
        )
    sink.warning(
        "T7009",
        "the layers of the weight file have other names than the model's, and are taken in their order",
        file_span(name),
        help=f"'{entries[0].name}' of the file is '{layers[0].name}' of the model, and so on",
    )
    return [(entry, layer.name, layer) for entry, layer in zip(entries, layers, strict=True)]


def _by_layer(entry: _Entry, layer: LayerTree) -> list[tuple[str, list[Stored]]]:
    """An entry's arrays by the path of their layer below the entry's own; "" where that is no model."""
    stored = [Stored(entry.key(i), array) for i, array in enumerate(entry.arrays)]
    if layer.layers is None:
        return [("", stored)]
    paths = _paths_by_name(entry, layer) or _paths_by_order(entry, layer)
    found: dict[str, list[Stored]] = {}
    for path, one in zip(paths, stored, strict=True):
        found.setdefault(path, []).append(one)
    return list(found.items())


def _paths_by_name(entry: _Entry, layer: LayerTree) -> list[str] | None:
    """The layer of each array by its name; None where some name does not tell."""
    leaves = [path for path, _ in layer.leaves()]
    found = []
    for name in entry.names:
        parts = name.split("/")[:-1]
        if parts:
            fitting = [path for path in leaves if path.rpartition("/")[2] in parts]
        else:  # Keras 1: dense_1_W
            fitting = [path for path in leaves if name.startswith(f"{path.rpartition('/')[2]}_")]
            longest = max((len(path.rpartition("/")[2]) for path in fitting), default=0)
            fitting = [path for path in fitting if len(path.rpartition("/")[2]) == longest]
        if len(fitting) > 1:
            fitting = [path for path in fitting if set(path.split("/")) <= set(parts)]
        if len(fitting) != 1:
            return None
        found.append(fitting[0])
    return found


def _paths_by_order(entry: _Entry, layer: LayerTree) -> list[str]:
    expected = slots(layer)
    if expected is None or len(expected) != len(entry.arrays):
        raise unmatched(
            f"the arrays of the layers within '{entry.name}' cannot be told apart: "
            f"the file has {len(entry.arrays)}, the model "
            + ("layers that are not known" if expected is None else str(len(expected)))
        )
    return [slot.path for slot in expected]


def _in_order(layer: LayerTree, stored: list[Stored], era: Era) -> tuple[Stored, ...]:
    """A layer's arrays as Keras 2 would hold them, in today's order."""
    arrays = as_keras2(layer.class_name, layer.config, [one.array for one in stored], era)
    same = len(arrays) == len(stored)
    keys = [one.key for one in stored] if same else [f"{layer.name}/{i}" for i in range(len(arrays))]
    found = [Stored(key, array) for key, array in zip(keys, arrays, strict=True)]
    expected = slots(msgspec.structs.replace(layer, name=""))
    if expected is None or len(expected) != len(found):
        return tuple(found)  # whoever binds them to the layer says that their number is wrong
    order = sorted(range(len(found)), key=lambda i: expected[i].number)
    return tuple(found[i] for i in order)
