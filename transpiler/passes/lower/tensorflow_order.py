"""Which nodes a network needs, in an order in which each comes after what it reads; loops become single nodes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from transpiler.dialects.tensorflow.functions import FlatNode, Tensor
from transpiler.dialects.tensorflow.ops_table import MERGES
from transpiler.dialects.tensorflow.plain import attributes
from transpiler.ir.attributes import Attr
from transpiler.passes.lower.tensorflow_view import View


class Loop(msgspec.Struct, frozen=True, eq=False):
    """Nodes that read each other in a circle: what they read from outside, what is read of them, and themselves."""

    name: str
    inputs: tuple[Tensor, ...]
    results: tuple[Tensor, ...]
    nodes: tuple[FlatNode, ...]

    def plain(self) -> dict[str, Attr]:
        """The loop as data."""
        rows: list[Attr] = [
            {
                "name": node.name,
                "op": node.op,
                "inputs": [f"{name}:{index}" for name, index in node.inputs],
                "attributes": attributes(node.attrs),
            }
            for node in self.nodes
        ]
        return {
            "nodes": rows,
            "inputs": [f"{name}:{index}" for name, index in self.inputs],
            "results": [f"{name}:{index}" for name, index in self.results],
        }


def needed(
    view: View,
    outputs: Iterable[Tensor],
    read: Callable[[View, FlatNode], tuple[Tensor, ...] | None] | None = None,
) -> dict[str, tuple[Tensor, ...]]:
    """Every node that the outputs need, and what it really reads, or what `read` says instead."""
    found: dict[str, tuple[Tensor, ...]] = {}
    queue = [view.resolve(tensor)[0] for tensor in outputs]
    while queue:
        name = queue.pop()
        node = view.flat.nodes.get(name)
        if node is None or name in found:
            continue
        own = None if read is None else read(view, node)
        found[name] = view.inputs(node) if own is None else own
        queue.extend(tensor[0] for tensor in found[name])
    return found


def arranged(
    view: View, reads: dict[str, tuple[Tensor, ...]], outputs: Sequence[Tensor]
) -> list[FlatNode | Loop]:
    """The needed nodes in file order as far as possible, each loop as one."""
    place = {name: i for i, name in enumerate(view.flat.nodes)}
    loops = _loops(view, reads, outputs, place)
    owner = {node.name: loop for loop in loops for node in loop.nodes}
    steps: dict[str, FlatNode | Loop] = {}
    for name in sorted(reads, key=place.__getitem__):
        step = owner.get(name) or view.flat.nodes[name]
        steps.setdefault(step.name, step)
    before: dict[str, set[str]] = {}
    for step in steps.values():
        inputs = step.inputs if isinstance(step, Loop) else reads[step.name]
        sources = {owner[source].name if source in owner else source for source, _ in inputs}
        before[step.name] = {source for source in sources if source in steps}
    return _sorted(steps, before, {step: i for i, step in enumerate(steps)})


def _sorted(
    steps: dict[str, FlatNode | Loop], before: dict[str, set[str]], place: dict[str, int]
) -> list[FlatNode | Loop]:
    after: dict[str, list[str]] = {}
    waiting = {name: len(sources - {name}) for name, sources in before.items()}
    for name, sources in before.items():
        for source in sources - {name}:
            after.setdefault(source, []).append(name)
    ready = [place[name] for name, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    names = list(steps)
    found = []
    while ready:
        name = names[heapq.heappop(ready)]
        found.append(steps[name])
        for reader in after.get(name, ()):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heapq.heappush(ready, place[reader])
    return found


def _loops(
    view: View, reads: dict[str, tuple[Tensor, ...]], outputs: Sequence[Tensor], place: dict[str, int]
) -> list[Loop]:
    groups = [
        group for group in _circles(reads) if len(group) > 1 or group[0] in {t[0] for t in reads[group[0]]}
    ]
    groups = _by_frame(view, reads, groups)
    order = sorted(reads, key=place.__getitem__) if groups else []
    read: dict[str, dict[Tensor, list[str]]] = {}
    for name in order:
        for tensor in reads[name]:
            read.setdefault(tensor[0], {}).setdefault(tensor, []).append(name)
    put_out = set(map(view.resolve, outputs))
    for tensor in put_out:
        read.setdefault(tensor[0], {}).setdefault(tensor, [])
    made: list[Loop] = []
    for group in groups:
        inside = set(group)
        names = sorted(group, key=place.__getitem__)
        inputs = dict.fromkeys(tensor for name in names for tensor in reads[name] if tensor[0] not in inside)
        results: list[tuple[int, Tensor]] = []
        for name in names:
            for tensor, readers in read.get(name, {}).items():
                outside = [place[reader] for reader in readers if reader not in inside]
                if outside or tensor in put_out:
                    results.append((min(outside, default=len(place)), tensor))
        nodes = tuple(view.flat.nodes[name] for name in names)
        ordered = tuple(tensor for _, tensor in sorted(results))
        made.append(Loop(_frame(nodes, len(made)), tuple(inputs), ordered, nodes))
    return made


def _by_frame(view: View, reads: dict[str, tuple[Tensor, ...]], groups: list[list[str]]) -> list[list[str]]:
    """Circles of one loop (of the same frame) together, with the nodes between them."""
    frames: dict[str, set[str]] = {}
    for group in groups:
        entered = {frame for name in group for frame in _entered(view, name)}
        frames.setdefault(min(entered, default=group[0]), set()).update(group)
    readers: dict[str, list[str]] = {}
    for name, tensors in reads.items():
        for source, _ in tensors:
            readers.setdefault(source, []).append(name)
    sources = {name: [tensor[0] for tensor in tensors] for name, tensors in reads.items()}
    found: list[list[str]] = []
    taken: set[str] = set()
    for _, group_ in sorted(frames.items()):
        between: set[str] = set()
        if len(frames) <= MOST_LOOPS:
            between = _reached(group_, readers) & _reached(group_, sources)
        found.append(sorted((group_ | between) - taken))
        taken.update(found[-1])
    return [group for group in found if group]


MOST_LOOPS: Final = 256
"""In graphs of more loops, what stands between the circles of one loop is not looked for."""


def _entered(view: View, name: str) -> set[str]:
    """The frames of the loops whose variables a merge begins."""
    node = view.flat.nodes[name]
    behind = [view.flat.nodes.get(tensor[0]) for tensor in node.inputs] if node.op in MERGES else []
    return {
        str(one.get("frame_name")) for one in behind if one is not None and one.op in ("Enter", "RefEnter")
    }


def _reached(start: set[str], edges: dict[str, list[str]]) -> set[str]:
    """All that edges lead to."""
    seen: set[str] = set()
    queue = list(start)
    while queue:
        name = queue.pop()
        if name not in seen:
            seen.add(name)
            queue.extend(edges.get(name, ()))
    return seen


def _frame(nodes: Sequence[FlatNode], number: int) -> str:
    """A loop's name: the scope of its first node, and which of the loops it is."""
    return f"{nodes[0].name.rpartition('/')[0] or nodes[0].name}/loop:{number}"


def _circles(reads: dict[str, tuple[Tensor, ...]]) -> list[list[str]]:
    """Strongly connected components (Tarjan), without recursion."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for root, first in reads.items():
        if root in index:
            continue
        work = [(root, iter([tensor[0] for tensor in first]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, sources = work[-1]
            source = next((item for item in sources if item in reads), None)
            if source is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    group: list[str] = []
                    while not group or group[-1] != name:
                        group.append(stack.pop())
                        on_stack.discard(group[-1])
                    found.append(group)
            elif source not in index:
                index[source] = low[source] = len(index)
                stack.append(source)
                on_stack.add(source)
                work.append((source, iter([tensor[0] for tensor in reads[source]])))
            elif source in on_stack:
                low[name] = min(low[name], index[source])
    return found
