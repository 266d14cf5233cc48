"""Names of blobs: what the file called them, so that layers change blobs in place again; otherwise the layer's name."""

from __future__ import annotations

import msgspec

from transpiler.ir import Graph, Node, Value

AUTOMATIC = "(automatic)"
"""The top that Caffe gives to a loss without tops; it is not written."""


class _Holder(msgspec.Struct):
    """Which value a blob name stands for at the moment."""

    value: Value
    native: bool


class BlobNames:
    """The blob name of every value of a graph, such that no blob is overwritten while it is still needed."""

    def __init__(self, graph: Graph) -> None:
        self._last_use: dict[Value, int] = {}
        for position, node in enumerate(graph.nodes):
            for value in node.operands:
                self._last_use[value] = position
        self._read = frozenset(self._last_use)
        for value in graph.outputs:
            self._last_use[value] = len(graph.nodes)
        self._reserved = {value.native for value in graph.values() if value.native}
        self._holders: dict[str, _Holder] = {}
        self.names: dict[Value, str] = {}
        for position, node in enumerate(graph.nodes):
            self._define(node, position)

    def _define(self, node: Node, position: int) -> None:
        for value in node.results:
            if value.native == AUTOMATIC and value not in self._read:
                self.names[value] = AUTOMATIC
                continue
            name = self._choose(node, value, position)
            self.names[value] = name
            self._holders[name] = _Holder(value, value.native == name)

    def _choose(self, node: Node, value: Value, position: int) -> str:
        if value.native and value.native != AUTOMATIC:
            wanted = value.native
            if self._free(wanted, position):
                return wanted
        else:
            wanted = node.name if len(node.results) == 1 else value.name
            if wanted not in self._holders and wanted not in self._reserved:
                return wanted
        number = 1
        while f"{wanted}_{number}" in self._holders or f"{wanted}_{number}" in self._reserved:
            number += 1
        return f"{wanted}_{number}"

    def _free(self, name: str, position: int) -> bool:
        """Whether a native name may be given (again): its last holder had it from the file too and is read no more."""
        holder = self._holders.get(name)
        return holder is None or (holder.native and self._last_use.get(holder.value, -1) <= position)
