"""Raising: the single ops of a graph become the layers that a person meant.

Each file holds the patterns of one kind of idiom; `engine` finds and replaces them. The order of the groups matters:
first kernels are bound and normalization is recognised while its parts are whole, then layers take up their biases,
then recurrent layers are put together from their steps, then what is left of learned vectors becomes layers of their
own.
"""

from __future__ import annotations

from typing import Final

from transpiler.ir import Graph
from transpiler.passes.manager import SHAPED, Context, Pass
from transpiler.passes.raise_layers import (
    activations,
    attention,
    einsum,
    groups,
    joins,
    layer_norm,
    learned,
    normalization,
    pooling,
    sequences,
    shapes,
)
from transpiler.passes.raise_layers.engine import Facts, Pattern, raise_with
from transpiler.passes.raise_layers.unrolled import raise_unrolled

ROUNDS: Final[tuple[tuple[Pattern, ...], ...]] = (
    (*learned.PATTERNS, *einsum.PATTERNS, *groups.PATTERNS, *sequences.PATTERNS),
    (*normalization.PATTERNS, *layer_norm.PATTERNS, *activations.PATTERNS),
    (*learned.BIASES, *einsum.BIASES, *shapes.PATTERNS),
    (*learned.BIASES, *einsum.BIASES, *joins.JOINS, *pooling.PATTERNS, *attention.PATTERNS),
)
"""Groups of patterns, each applied until it finds nothing more."""


def raise_layers(graph: Graph, facts: Facts | None = None) -> Graph:
    """The graph with its idioms raised."""
    facts = facts or Facts()
    graph = raise_with(graph, ROUNDS, facts)
    graph = raise_unrolled(graph, facts)
    graph = sequences.with_final_states(graph)
    return raise_with(graph, (sequences.PATTERNS, learned.VECTORS), facts)


def _run(graph: Graph, context: Context) -> Graph:
    del context
    return raise_layers(graph)


RAISE_LAYERS = Pass("raise_layers", _run, requires=frozenset({SHAPED}), provides=frozenset({SHAPED}))
"""For graphs that became better known after they were read (shapes given by the user); changes nothing else."""
