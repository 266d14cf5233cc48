"""Raising: the ops of a graph become the layers that a person meant."""

from __future__ import annotations

from collections.abc import Mapping

from transpiler.ir import Graph


def raise_layers(graph: Graph, momenta: Mapping[str, float] | None = None) -> Graph:
    """The graph with its idioms raised."""
    del momenta
    return graph
