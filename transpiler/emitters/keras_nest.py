"""Nested models put together again: which units belong to which call of which model, where the graph allows it.

A nested model is a set of units under one scope, with values that come in and values that go out. It can be written
when nothing outside lies between its units; several calls of one model, when they still do the same. Otherwise its
layers are written flat.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from transpiler.dialects.rows import Dialect
from transpiler.emitters.keras_units import Unit, respelled
from transpiler.ir import Graph, Value
from transpiler.ir.attributes import Attr, same


class Nested(msgspec.Struct, frozen=True, eq=False):
    """One call of a nested model."""

    scope: str
    path: str
    items: tuple[Item, ...]
    operands: tuple[Value, ...]
    results: tuple[Value, ...]
    as_written: bool
    """Whether operands and results are those of the source, so that its record of them holds."""


Item = Unit | Nested


def arranged(graph: Graph, units: Sequence[Unit]) -> tuple[Item, ...]:
    """The items of the whole graph, nested models among them, each after what it reads."""
    kept: Any = graph.extras.get("keras", {}).get("nested", {})
    records: dict[str, Any] = dict(kept)
    while True:
        tree = _Tree(graph, units, records)
        broken = tree.broken()
        if not broken:
            return tree.items
        for scope in broken:
            del records[scope]


class _Tree:
    def __init__(self, graph: Graph, units: Sequence[Unit], records: Mapping[str, Any]) -> None:
        self.graph = graph
        self.records = records
        self.by_name = {value.name: value for value in graph.values()}
        self.stuck: set[str] = set()
        members: dict[str, list[Unit]] = {}
        for unit in units:
            members.setdefault(self._home(unit.scope), []).append(unit)
        self.members = members
        self.children: dict[str, list[str]] = {}
        for name in records:
            if name:
                self.children.setdefault(self._home(name.rpartition("/")[0]), []).append(name)
        self.readers: dict[Value, list[str]] = {}
        for unit in units:
            for value in unit.operands:
                self.readers.setdefault(value, []).append(unit.scope)
        self.items = self._level("")

    def _home(self, scope: str) -> str:
        """The innermost scope that is written as a model."""
        while scope and scope not in self.records:
            scope = scope.rpartition("/")[0]
        return scope

    def _level(self, scope: str) -> tuple[Item, ...]:
        items: list[Item] = list(self.members.get(scope, ()))
        for child in self.children.get(scope, ()):
            inside = self._level(child)
            if inside:
                items.append(self._nested(child, inside))
            else:
                self.stuck.add(child)
        ordered = in_order(items)
        if ordered is None:
            self.stuck.update(item.scope for item in items if isinstance(item, Nested))
            return tuple(items)
        return ordered

    def _nested(self, scope: str, items: tuple[Item, ...]) -> Nested:
        record = self.records[scope]
        produced = {value for item in items for value in item.results}
        entries = unique(value for item in items for value in item.operands if value not in produced)
        inside = set(units_in(items))
        outside = {
            value for value in produced if value in self.graph.output_set or self._read_outside(value, scope)
        }
        exits = tuple(value for item in items for value in item.results if value in outside)
        operands = self._named(record["operands"])
        results = self._named(record["results"])
        fits = (
            operands is not None
            and results is not None
            and not any(value in produced for value in operands)
            and set(entries) <= set(operands)
            and set(exits) <= set(results)
            and set(results) <= produced | set(operands)
        )
        del inside
        if fits and operands is not None and results is not None:
            return Nested(scope, record["model"], items, operands, results, True)
        return Nested(scope, record["model"], items, entries, exits, False)

    def _read_outside(self, value: Value, scope: str) -> bool:
        return any(
            reader != scope and not reader.startswith(f"{scope}/") for reader in self.readers.get(value, ())
        )

    def _named(self, names: Sequence[str]) -> tuple[Value, ...] | None:
        found = [self.by_name.get(name) for name in names]
        values = tuple(value for value in found if value is not None)
        return values if len(values) == len(found) else None

    def broken(self) -> set[str]:
        """Scopes that cannot be written as models: in the way of others, or unlike another call of their model."""
        calls: dict[str, list[Nested]] = {}
        for item in nested_in(self.items):
            calls.setdefault(item.path, []).append(item)
        unlike = {
            call.scope
            for group in calls.values()
            if any(not alike(group[0], other) for other in group)
            for call in group
        }
        return (self.stuck | unlike) & set(self.records)


def in_order(items: Sequence[Item]) -> tuple[Item, ...] | None:
    """Items sorted so that each comes after what it reads, else as given; None if they depend on each other."""
    producer = {value: i for i, item in enumerate(items) for value in item.results}
    needed = [{producer[v] for v in item.operands if v in producer} - {i} for i, item in enumerate(items)]
    for i, item in enumerate(items):
        if isinstance(item, Nested):
            continue
        if any(producer.get(value) == i for value in item.operands):
            return None
    after: dict[int, list[int]] = {}
    waiting = [len(before) for before in needed]
    for i, before in enumerate(needed):
        for j in before:
            after.setdefault(j, []).append(i)
    ready = [i for i, count in enumerate(waiting) if not count]
    heapq.heapify(ready)
    order: list[Item] = []
    while ready:
        i = heapq.heappop(ready)
        order.append(items[i])
        for later in after.get(i, ()):
            waiting[later] -= 1
            if not waiting[later]:
                heapq.heappush(ready, later)
    return tuple(order) if len(order) == len(items) else None


def units_in(items: Iterable[Item]) -> Iterable[Unit]:
    """All units of items, those of nested models too."""
    for item in items:
        if isinstance(item, Nested):
            yield from units_in(item.items)
        else:
            yield item


def nested_in(items: Iterable[Item]) -> Iterable[Nested]:
    """All calls of nested models, outer before inner ones."""
    for item in items:
        if isinstance(item, Nested):
            yield item
            yield from nested_in(item.items)


def unique(values: Iterable[Value]) -> tuple[Value, ...]:
    """Values without repetitions, in order."""
    return tuple(dict.fromkeys(values))


def relative(name: str, scope: str) -> str:
    """A node's name inside its scope."""
    return name.removeprefix(f"{scope}/") if scope else name


def alike(left: Nested, right: Nested) -> bool:
    """Whether two calls of a model do the same with the same parameters."""
    if left is right:
        return True
    return same(_signature(left), _signature(right)) and _ops(left) == _ops(right)


def _ops(call: Nested) -> list[object]:
    return [(unit.node.op, unit.activation.op if unit.activation else None) for unit in units_in(call.items)]


def _signature(call: Nested) -> Attr:
    """Names, parameters and wiring of a call's units, as plain data."""
    numbers: dict[Value, Attr] = {value: [-1, i] for i, value in enumerate(call.operands)}
    rows: list[Attr] = []
    for i, unit in enumerate(units_in(call.items)):
        params: list[Attr] = [
            str((use.symbol, use.relayouts, use.constant)) for use in map(unit.node.param, unit.node.op.roles)
        ]
        wires: list[Attr] = [numbers.get(value) for value in unit.operands]
        rows.append([relative(unit.name, call.scope), params, wires, dict(unit.node.native("keras"))])
        numbers.update({value: [i, j] for j, value in enumerate(unit.results)})
    return [rows, [numbers.get(value) for value in call.results], call.as_written]


def one_step_of(call: Nested, dialect: Dialect) -> Nested:
    """A model that is applied to every step, as what it does in one step: values without the time axis."""
    from transpiler.dialects.keras.distribution import one_step, undistributed

    now: dict[Value, Value] = {}

    def value(old: Value) -> Value:
        if old not in now:
            now[old] = msgspec.structs.replace(old, type=one_step(old.type))
        return now[old]

    def item(old: Item) -> Item:
        operands, results = tuple(map(value, old.operands)), tuple(map(value, old.results))
        if isinstance(old, Nested):
            return msgspec.structs.replace(
                old, items=tuple(map(item, old.items)), operands=operands, results=results
            )
        node = msgspec.structs.replace(
            old.node,
            op=undistributed(old.node.op),
            operands=tuple(map(value, old.node.operands)),
            results=tuple(map(value, old.node.results)),
        )
        return respelled(msgspec.structs.replace(old, node=node, operands=operands, results=results), dialect)

    made = item(call)
    assert isinstance(made, Nested)
    return made
