"""Reading what Keras 3 (and tf-keras 2.12 and later) keep arrays in: `.weights.h5`, alone or inside a `.keras` archive.

Layers lie in containers by class and number (`layers/dense_1/vars/0`); files of Keras 3.9 and later also hold their
names. Which class a number means follows from the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from transpiler.weights.hdf5 import Group
from transpiler.weights.keras_tree import LayerTree, tree_of_document
from transpiler.weights.keras_variables import ContainerNames, Variable, variables
from transpiler.weights.stored import Stored, WeightFile
from transpiler.weights.unreadable import damaged, unmatched

CONTAINERS: Final = ("layers", "_layer_checkpoint_dependencies")
"""The groups that a model's layers lie in; the second is that of some tf-keras."""
_GIVE_MODEL: Final = "give the model's description (model.json) with it, or save the model whole (.keras)"
_MAX_DEPTH: Final = 40


def is_keras_store(root: Group) -> bool:
    """Whether an HDF5 file is laid out as Keras 3 lays out weights."""
    return any(name in root.links for name in (*CONTAINERS, "vars"))


def read_keras_store(root: Group, name: str, document: Any = None) -> WeightFile:
    """The arrays of all layers in today's order. `document`: the model's JSON, without which names must be in the file.

    Raises Unreadable.
    """
    if document is None:
        return WeightFile(name, "keras", dict(_Unknown().layers(root)))
    return WeightFile(name, "keras", dict(_Known().layers(root, tree_of_document(document))))


def container_of(group: Group) -> Group | None:
    """The group that holds a model's layers."""
    return next((group.child(name) for name in CONTAINERS if name in group.links), None)


def name_of(group: Group) -> str | None:
    """The layer's name that newer files keep beside its arrays."""
    if "vars" not in group.links:
        return None
    said = group.child("vars").attribute("name")
    return said if isinstance(said, str) else None


class _Known(msgspec.Struct):
    """Finds the arrays of a model that is described."""

    shared: dict[int, tuple[Stored, ...]] = msgspec.field(default_factory=dict)
    """The arrays of layers that the description has several times: the file has them where they come first."""

    def layers(
        self, group: Group, tree: LayerTree, path: str = ""
    ) -> Iterator[tuple[str, tuple[Stored, ...]]]:
        """Path and arrays of each layer of a model that has any."""
        container = container_of(group)
        groups = {} if container is None else _groups(container, tree)
        for layer in tree.layers or ():
            here = f"{path}/{layer.name}" if path else layer.name
            inside = groups.get(layer.name)
            if layer.layers is not None:
                if inside is not None:
                    yield from self.layers(inside.child(layer.wraps) if layer.wraps else inside, layer, here)
                continue
            stored = self._shared(layer) if inside is None else arrays_of(inside, layer, here)
            if stored:
                yield here, stored
                if layer.shared is not None:
                    self.shared[layer.shared] = stored

    def _shared(self, layer: LayerTree) -> tuple[Stored, ...]:
        return self.shared.get(layer.shared, ()) if layer.shared is not None else ()


def _groups(container: Group, tree: LayerTree) -> dict[str, Group]:
    """The group of each layer of a model: by the names in the file if it has them all, else by class and number."""
    layers = [layer for layer in tree.layers or () if layer.class_name]
    named = {said: child for key in container.links if (said := name_of(child := container.child(key)))}
    if named and all(layer.name in named for layer in layers if _has_arrays(layer)):
        return named
    names = ContainerNames()
    found = {}
    for layer in layers:
        key = names.next(layer.class_name)
        if key in container.links:
            found[layer.name] = container.child(key)
    return found


def _has_arrays(layer: LayerTree) -> bool:
    return layer.layers is not None or bool(variables(layer.class_name, layer.config))


def arrays_of(group: Group, layer: LayerTree, path: str) -> tuple[Stored, ...]:
    """A layer's arrays in today's order. Raises Unreadable where they are not those of its class."""
    expected = variables(layer.class_name, layer.config)
    if expected is None:
        return tuple(_own(group, path))
    stored = []
    for variable in expected:
        place = _place(group, variable)
        holder = group.child(f"{place}/vars" if place else "vars") if place is not None else None
        number = str(variable.places[0][1])
        if holder is None or number not in holder.links:
            raise unmatched(
                f"the file has no array '{variable.name}' for the {layer.class_name} layer '{path}'",
                "the layer may be quantized, adapted (LoRA), or of a kind that is not known",
            )
        stored.append(Stored(f"{path}/{variable.name}", holder.child(number).array()))
    _check_no_more(group, layer, path, expected)
    return tuple(stored)


def _place(group: Group, variable: Variable) -> str | None:
    """Where a variable lies, as newer and as older files spell the attribute that holds its layer."""
    place = variable.place
    if not place:
        return "" if "vars" in group.links else None
    head, _, last = place.rpartition("/")
    other = last[1:] if last.startswith("_") else f"_{last}"
    return next(
        (one for one in (place, f"{head}/{other}" if head else other) if f"{one}/vars" in group), None
    )


def _check_no_more(group: Group, layer: LayerTree, path: str, expected: tuple[Variable, ...]) -> None:
    counts: dict[str, int] = {}
    for variable in expected:
        for place, number in variable.places:
            counts[place] = max(counts.get(place, 0), number + 1)
    for place, count in counts.items():
        holder = f"{place}/vars" if place else "vars"
        if holder in group and len(group.child(holder).links) > count:
            raise unmatched(
                f"the file has {len(group.child(holder).links)} arrays where the {layer.class_name} layer "
                f"'{path}' has {count}",
                "the layer may be quantized, adapted (LoRA), or of a kind that is not known",
            )


def _own(group: Group, path: str) -> list[Stored]:
    """The arrays of a layer of unknown class that lie in no inner layer."""
    if "vars" not in group.links:
        return []
    holder = group.child("vars")
    keys = sorted((key for key in holder.links if key.isdecimal()), key=int)
    return [Stored(f"{path}/{key}", holder.child(key).array()) for key in keys]


class _Unknown:
    """Finds arrays by the names in the file alone."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def layers(
        self, group: Group, path: str = "", depth: int = 0
    ) -> Iterator[tuple[str, tuple[Stored, ...]]]:
        container = container_of(group)
        if depth > _MAX_DEPTH or group.address in self.seen:
            raise damaged("groups of the file lie within themselves")
        self.seen.add(group.address)
        for key in container.links if container is not None else ():
            inside = container.child(key) if container is not None else group
            name = name_of(inside)
            if container_of(inside) is not None:
                if name is None:
                    raise unmatched("the file does not name its layers", _GIVE_MODEL)
                yield from self.layers(inside, f"{path}/{name}" if path else name, depth + 1)
            elif stored := self._arrays(inside):
                if name is None:
                    raise unmatched("the file does not name its layers", _GIVE_MODEL)
                here = f"{path}/{name}" if path else name
                yield (
                    here,
                    tuple(Stored(f"{here}/{number}", array.array()) for number, array in enumerate(stored)),
                )

    def _arrays(self, group: Group) -> list[Group]:
        """The arrays of a layer that keeps them in one place: its own, or those of the one layer in it."""
        here = group
        for _ in range(_MAX_DEPTH):
            own = here.child("vars").links if "vars" in here.links else {}
            inner = [key for key in here.links if key not in {"vars", "seed_generator"}]
            if not inner:
                return [here.child(f"vars/{number}") for number in range(len(own))]
            if own or len(inner) > 1:
                raise unmatched(
                    f"the file does not tell in which order the arrays of {group.path} are", _GIVE_MODEL
                )
            here = here.child(inner[0])
        raise damaged("groups of the file lie within themselves")
