"""In which order the calls of a Keras model are taken: what a call reads comes before it, else as the file has it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from transpiler.dialects.keras.model import KerasModel

Step = tuple[int, int]
"""A layer's number in the file, and which of its calls."""


def call_order(model: KerasModel) -> list[Step]:
    """Every call of the model, each after those whose tensors it reads.

    The order is a normal form: layers written in the order of their first call are taken in just this order again.
    """
    numbers = {layer.name: i for i, layer in enumerate(model.layers)}
    steps = [(i, k) for i, layer in enumerate(model.layers) for k in range(max(len(layer.calls), 1))]
    known = set(steps)
    before: dict[Step, set[Step]] = {}
    for i, k in steps:
        layer = model.layers[i]
        reads = layer.calls[k].tensors if layer.calls else ()
        needed = {(numbers[tensor.layer], tensor.node_index) for tensor in reads if tensor.layer in numbers}
        before[i, k] = (needed | ({(i, k - 1)} if k else set())) & known
    ranks = list(range(len(model.layers)))
    while True:
        order = _sorted(before, ranks)
        settled = _first_calls(order, len(ranks))
        if settled == ranks:
            return order
        ranks = settled


def _sorted(before: dict[Step, set[Step]], ranks: Sequence[int]) -> list[Step]:
    """Topologically sorted; of the steps that are possible, the one of the layer of lowest rank first."""
    waiting = {step: len(needed) for step, needed in before.items()}
    after: dict[Step, list[Step]] = {step: [] for step in before}
    for step, needed in before.items():
        for other in needed:
            after[other].append(step)
    ready = [(ranks[i], k, i) for (i, k), count in waiting.items() if not count]
    heapq.heapify(ready)
    order: list[Step] = []
    while ready:
        _, k, i = heapq.heappop(ready)
        order.append((i, k))
        for later in after[i, k]:
            waiting[later] -= 1
            if not waiting[later]:
                heapq.heappush(ready, (ranks[later[0]], later[1], later[0]))
    return order


def _first_calls(order: Sequence[Step], count: int) -> list[int]:
    """The rank of each layer by its first call."""
    found: dict[int, int] = {}
    for i, _ in order:
        found.setdefault(i, len(found))
    return [found.get(i, count) for i in range(count)]
