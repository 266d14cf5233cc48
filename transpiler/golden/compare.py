"""Models as they are now against their golden files."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from transpiler.diagnostics import Span
from transpiler.golden.capture import SUMMARY, Capture, capture, file_name, read_back
from transpiler.golden.changes import Changes, changes_of
from transpiler.golden.store import Config, Store
from transpiler.ir import Module


class State(enum.Enum):
    """How a model stands to its golden files."""

    SAME = "same"
    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"


class TextChange(msgspec.Struct, frozen=True):
    """A golden file that is not what it was; None: it is not there."""

    name: str
    old: str | None
    new: str | None


class Comparison(msgspec.Struct, frozen=True):
    """One model: what changed in it, and what changed in its texts. `files` is what they are now."""

    model: str
    state: State
    files: Mapping[str, str] = msgspec.field(default_factory=dict)
    changes: Changes = msgspec.field(default_factory=Changes)
    """Changes of the model itself."""
    target_changes: Mapping[str, Changes] = msgspec.field(default_factory=dict)
    """By target, changes of the result alone, which the model does not explain."""
    texts: tuple[TextChange, ...] = ()


def compare_model(store: Store, model: str, config: Config) -> Comparison:
    """One model that there is."""
    return compared(model, capture(store.root / model, config.targets, config.options), store.files(model))


def compare_gone(store: Store, model: str) -> Comparison:
    """A model that has golden files and is not there any more."""
    texts = tuple(TextChange(name, old, None) for name, old in store.files(model).items())
    return Comparison(model, State.GONE, texts=texts)


def compared(model: str, now: Capture, golden: Mapping[str, str]) -> Comparison:
    """What a capture differs in from golden texts."""
    if not golden:
        return Comparison(model, State.NEW, now.files)
    names = dict.fromkeys((*now.files, *golden))
    texts = tuple(
        TextChange(name, golden.get(name), now.files.get(name))
        for name in names
        if golden.get(name) != now.files.get(name)
    )
    if not texts:
        return Comparison(model, State.SAME, now.files)
    changes = _model_changes(now, golden)
    explained = {} if changes else _target_changes(now, texts)
    return Comparison(model, State.CHANGED, now.files, changes, explained, texts)


def _model_changes(now: Capture, golden: Mapping[str, str]) -> Changes:
    name = file_name(SUMMARY, "ir")
    if now.module is None or name not in golden or golden[name] == now.files.get(name):
        return Changes()
    before = read_back(golden[name], name)
    return Changes() if before is None else changes_of(before, now.module)


def _target_changes(now: Capture, texts: Sequence[TextChange]) -> dict[str, Changes]:
    """Changes of results, layer by layer, at the places of the layers that they were made of."""
    found: dict[str, Changes] = {}
    for text in texts:
        if text.old is None or text.new is None or text.name.startswith(f"{SUMMARY}."):
            continue
        before, after = read_back(text.old, text.name), read_back(text.new, text.name)
        if before is None or after is None:
            continue
        changes = changes_of(before, after)
        places = {} if now.module is None else _places(now.module)
        moved = tuple(
            msgspec.structs.replace(one, span=_source_place(one.layer, places)) for one in changes.changes
        )
        found[text.name.partition(".")[0]] = msgspec.structs.replace(changes, changes=moved)
    return found


def _places(module: Module) -> dict[str, Span]:
    spans: dict[str, Span] = {}
    for graph in module.graphs.values():
        for node in graph.nodes:
            if node.span is not None:
                spans.setdefault(node.name, node.span)
                spans.setdefault(node.origin.layer, node.span)
    return spans


def _source_place(layer: str, places: Mapping[str, Span]) -> Span | None:
    """The layer of the source that a layer of the result is called after: `conv1/pad` was made of `conv1`."""
    while layer:
        if layer in places:
            return places[layer]
        layer = layer.rpartition("/")[0]
    return None


def shown_path(store: Store, model: str) -> str:
    """A model as the user would name it."""
    return str(Path(store.root, model))
