"""What became of a graph: layers added and removed, fields and connections changed, each once.

Whatever follows from a change is no change of its own: not the shapes behind a wider stride, and not the new input of
the layer behind one that was removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from transpiler.diagnostics import Span
from transpiler.diagnostics.compared import Compared
from transpiler.golden.places import native_names, place_of
from transpiler.ir import Graph, Module, Node, Value
from transpiler.ir.attributes import same
from transpiler.ir.op import fields_of
from transpiler.ir.text import data
from transpiler.ir.text.encode import encode
from transpiler.ir.types import UNKNOWN


class Change(Compared, frozen=True, eq=False):
    """One change of a model. `layer` is "" for what concerns the model as a whole."""

    beside = frozenset({"span"})

    layer: str
    type: str
    what: str
    phase: str = ""
    span: Span | None = None

    def __str__(self) -> str:
        phase = f" (phase {self.phase})" if self.phase else ""
        subject = f"layer {self.layer} ({self.type})" if self.layer else "model"
        return f"{subject}{phase}: {self.what}"


class Changes(msgspec.Struct, frozen=True):
    """All changes of a module, and the shapes that follow from them (layer, before, after)."""

    changes: tuple[Change, ...] = ()
    follows: tuple[tuple[str, str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)


def changes_of(old: Module, new: Module) -> Changes:
    """How `new` differs from `old`. Places are those of `new`."""
    found: list[Change] = []
    follows: dict[tuple[str, str, str], None] = {}
    for what, before, after in (("name", old.name, new.name), ("framework", old.framework, new.framework)):
        if before != after:
            found.append(Change("", "", f"{what} {data.quoted(before)} -> {data.quoted(after)}"))
    found += [Change("", "", what) for what in _data_changes(old.extras, new.extras)]
    found += [Change("", "", f"phase {phase} added") for phase in new.graphs if phase not in old.graphs]
    found += [Change("", "", f"phase {phase} removed") for phase in old.graphs if phase not in new.graphs]
    common = [phase for phase in new.graphs if phase in old.graphs]
    by_phase = {phase: _Comparison(old.graphs[phase], new.graphs[phase], new.framework) for phase in common}
    for comparison in by_phase.values():
        comparison.run()
        follows.update(dict.fromkeys(comparison.follows))
    for phase, comparison in by_phase.items():
        for change in comparison.found:
            everywhere = all(change in other.found for other in by_phase.values())
            found.append(change if everywhere else msgspec.structs.replace(change, phase=phase))
    return Changes(tuple(dict.fromkeys(found)), tuple(follows))


class _Comparison(msgspec.Struct):
    """Two graphs of one phase, compared node by node; nodes are the same if their names are."""

    old: Graph
    new: Graph
    framework: str
    found: dict[Change, None] = msgspec.field(default_factory=dict)
    follows: list[tuple[str, str, str]] = msgspec.field(default_factory=list)
    _moved: set[Value] = msgspec.field(default_factory=set)
    """Values that are not what they were."""
    _before: dict[str, Node] = msgspec.field(default_factory=dict)
    _after: dict[str, Node] = msgspec.field(default_factory=dict)
    _gone: set[str] = msgspec.field(default_factory=set)
    """Names of values that removed nodes gave."""
    _come: set[str] = msgspec.field(default_factory=set)
    """Names of values that added nodes give."""

    def run(self) -> None:
        self._before = {node.name: node for node in self.old.nodes}
        self._after = {node.name: node for node in self.new.nodes}
        self._gone = _given_by(node for node in self.old.nodes if node.name not in self._after)
        self._come = _given_by(node for node in self.new.nodes if node.name not in self._before)
        known = {_layer(node) for node in self.old.nodes}
        self._removed()
        for node in self.new.nodes:
            before = self._before.get(node.name)
            if before is None:
                what = f"{node.op.name} added" if _layer(node) in known else "added"
                self._add(_change(node, what, node.span))
                self._moved.update(node.results)
            else:
                self._compared(before, node)
        self._graph()

    def _removed(self) -> None:
        """Layers that are gone, at the place of the layer that came after them."""
        kept = {_layer(node) for node in self.new.nodes}
        span: Span | None = None
        gone: list[Change] = []
        for node in reversed(self.old.nodes):
            if node.name in self._after:
                span = self._after[node.name].span
            elif _layer(node) in kept:
                gone.append(_change(node, f"{node.op.name} removed", span))
            else:
                gone.append(_change(node, "removed", span))
        self._add(*reversed(gone))

    def _add(self, *changes: Change) -> None:
        for change in changes:
            self.found.setdefault(change)

    def _compared(self, before: Node, node: Node) -> None:
        changes = [
            _change(node, what, place_of(node.span, words))
            for what, words in self._node_changes(before, node)
        ]
        self._add(*changes)
        is_moved = bool(changes) or any(value in self._moved for value in node.operands)
        for old, new in zip(before.results, node.results, strict=False):
            if new.type in (old.type, UNKNOWN):
                continue
            if is_moved:
                self.follows.append((_name(node), str(old.type), str(new.type)))
            else:
                self._add(_change(node, f"output {old.type} -> {new.type}", node.span))
            self._moved.add(new)
        if changes:
            self._moved.update(node.results)

    def _node_changes(self, before: Node, node: Node) -> Iterator[tuple[str, Sequence[str]]]:
        """Sentences about what changed, each with the words that its place can be found by."""
        if before.op.name != node.op.name:
            yield f"{before.op.name} -> {node.op.name}", ("type", "class_name")
        else:
            yield from _field_changes(before, node, self.framework)
        if before.origin.type != node.origin.type and before.op.name == node.op.name:
            yield f"type {before.origin.type} -> {node.origin.type}", ("type", "class_name")
        yield from self._connections(before, node)
        if _uses(before) != _uses(node):
            yield f"arrays {_uses(before)} -> {_uses(node)}", ("param",)
        if [value.native for value in before.results] != [value.native for value in node.results]:
            yield f"outputs {_natives(before)} -> {_natives(node)}", ("top", "name")
        for what in _data_changes(before.extras, node.extras):
            yield what, what.split()[0].split(".")[::-1]

    def _connections(self, before: Node, node: Node) -> Iterator[tuple[str, Sequence[str]]]:
        """Inputs that changed, unless they did because a layer was removed or added in between."""
        old = [value.name for value in before.operands]
        new = [value.name for value in node.operands]
        if old == new:
            return
        if len(old) == len(new) and all(
            mine == theirs or mine in self._gone or theirs in self._come
            for mine, theirs in zip(old, new, strict=True)
        ):
            return
        yield (
            f"inputs {', '.join(old) or 'none'} -> {', '.join(new) or 'none'}",
            ("bottom", "inbound_node", "input"),
        )

    def _graph(self) -> None:
        old, new = [value.name for value in self.old.outputs], [value.name for value in self.new.outputs]
        if [name for name in old if name not in self._gone] != [
            name for name in new if name not in self._come
        ]:
            self._add(Change("", "", f"outputs {', '.join(old)} -> {', '.join(new)}"))
        if self.old.name != self.new.name:
            self._add(Change("", "", f"name {data.quoted(self.old.name)} -> {data.quoted(self.new.name)}"))
        self._add(*(Change("", "", what) for what in _data_changes(self.old.extras, self.new.extras)))


def _given_by(nodes: Iterable[Node]) -> set[str]:
    return {value.name for node in nodes for value in node.results}


def _layer(node: Node) -> tuple[str, str]:
    return node.scope, node.origin.layer


def _name(node: Node) -> str:
    return f"{node.scope}/{node.origin.layer}" if node.scope else node.origin.layer


def _change(node: Node, what: str, span: Span | None) -> Change:
    return Change(_name(node), node.origin.type, what, span=span)


def _field_changes(before: Node, node: Node, framework: str) -> Iterator[tuple[str, Sequence[str]]]:
    for field in fields_of(node.op):
        old, new = encode(getattr(before.op, field.name)), encode(getattr(node.op, field.name))
        if not same(old, new):
            words = (*native_names(framework, node, field.name), field.name)
            yield f"{field.name} {data.datum(old)} -> {data.datum(new)}", words


def _data_changes(old: object, new: object, path: str = "") -> Iterator[str]:
    """The leaves of two tables that differ, each by its path."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            inner = f"{path}.{key}" if path else str(key)
            if key not in old:
                yield f"{inner} added: {data.datum(new[key])}"
            elif key not in new:
                yield f"{inner} removed: {data.datum(old[key])}"
            else:
                yield from _data_changes(old[key], new[key], inner)
    elif not same(old, new):  # type: ignore[arg-type]  # extras are plain data
        yield f"{path} {data.datum(old)} -> {data.datum(new)}"


def _uses(node: Node) -> str:
    return ", ".join(
        f"{use.role} = @{use.symbol}{''.join(f' | {step}' for step in use.relayouts)}" for use in node.params
    )


def _natives(node: Node) -> str:
    return ", ".join(value.native or value.name for value in node.results)
