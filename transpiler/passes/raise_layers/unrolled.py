"""Recurrent layers that are written out step by step, as static graphs and loop-free programs do.

Steps that use the same learned arrays in the same way, each reading the state of the one before, are one layer.
Obligations: at least two steps, all slices of one sequence (or tensors that are there before the first step), and
nothing but outputs and the last inner state is read from outside.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from functools import partial

import msgspec

from transpiler.ir import Graph, Node, Op, Origin, ParamUse, ShapeError, Value
from transpiler.ir.rewriting import Rewriter, rewrite, without_dead_nodes
from transpiler.ops.array import Stack, Unstack
from transpiler.ops.core import Constant, Input, Opaque, Parameter
from transpiler.ops.elementwise import Add, Multiply
from transpiler.ops.shape import Transpose
from transpiler.passes.raise_layers.cells import FUNCTIONS, Cells, Kind, Step
from transpiler.passes.raise_layers.engine import Facts
from transpiler.passes.raise_layers.linear import Form, Linear, Part, Product
from transpiler.passes.raise_layers.recurrent import (
    Joined,
    Layer,
    gates_of,
    is_zero,
    layer_of,
    parted,
    uses,
    with_results,
)
from transpiler.passes.raise_layers.slices import slice_of

_STARTS = (Multiply, Add, *FUNCTIONS, Opaque)
_MOST_LAYERS = 64
_MOST_WORK = 500_000
"""How many nodes are looked at, over all layers."""
TURNED = Transpose(axes=(1, 0, 2))


def raise_unrolled(graph: Graph, facts: Facts) -> Graph:
    """The graph with its unrolled layers raised. Arrays made of parts are entered in `facts.joined`."""
    given_up: set[str] = set()
    for _ in range(min(_MOST_LAYERS, max(_MOST_WORK // max(len(graph.nodes), 1), 2))):
        made = _first_raised(graph, facts, given_up)
        if made is None:
            break
        graph = made
    return graph


def _first_raised(graph: Graph, facts: Facts, given_up: set[str]) -> Graph | None:
    """The graph with one more layer; what turns out to be none is given up."""
    for chain in _chains(graph):
        name = chain.steps[0].new.name
        if name not in given_up:
            known = dict(facts.joined)
            made = _Raising(graph, chain, known, facts).run()
            if made is not None:
                facts.joined.update(known)
                return made
            given_up.add(name)
    return None


class _Chain(msgspec.Struct, frozen=True):
    """The steps of one layer, first to last, and the state before the first."""

    steps: tuple[Step, ...]
    first: Value
    linear: Linear

    def states(self) -> Iterator[tuple[Step, Value]]:
        """Each step with the state that it reads."""
        before = self.first
        for step in self.steps:
            yield step, before
            before = step.new


def _chains(graph: Graph) -> Iterator[_Chain]:
    """The chains of a graph, those that begin first first."""
    linear = Linear(graph.producers.get)
    cells = Cells(linear)
    groups: dict[Hashable, dict[Value, Step]] = {}
    for node in graph.nodes:
        if isinstance(node.op, _STARTS):
            for value in node.results:
                for step in cells.steps(value):
                    if _may_be_step(step):
                        groups.setdefault(_signature(step), {}).setdefault(value, step)
    places = {value: i for i, value in enumerate(graph.values())}
    found = [chain for group in groups.values() if len(group) > 1 for chain in _linked(group, linear)]
    yield from sorted(found, key=lambda chain: places[chain.steps[0].new])


def _may_be_step(step: Step) -> bool:
    return all(len(form.products) + len(form.parts) <= 2 for form in step.gates) and bool(
        step.gates[0].products
    )


def _signature(step: Step) -> Hashable:
    """What two steps of one layer have in common: everything but the tensors that they read."""
    forms = [*step.gates, *([step.inner] if step.inner is not None else [])]
    pieces = tuple(
        (
            frozenset(one.kernel for one in form.products),
            frozenset((one.start, one.stop) for one in form.parts),
            form.biases,
            form.shift,
        )
        for form in forms
    )
    return step.kind, step.activation, step.recurrent_activation, pieces


def _sources(step: Step) -> set[Value]:
    """The tensors that the first gate reads."""
    form = step.gates[0]
    return {one.x for one in form.products} | {one.x for one in form.parts}


def _linked(group: dict[Value, Step], linear: Linear) -> Iterator[_Chain]:
    """The chains of a group of equal steps; none where one state has several successors."""
    after: dict[Value, Step] = {}
    followers: set[Value] = set()
    for step in group.values():
        before = [group[value] for value in _sources(step) if value in group and value is not step.new]
        before = [one for one in before if step.kind is not Kind.LSTM or step.old_cell is one.cell]
        if len(before) > 1 or any(one.new in after for one in before):
            return
        for one in before:
            after[one.new] = step
            followers.add(step.new)
    for value, step in group.items():
        if value in followers or value not in after:
            continue
        steps = [step]
        while steps[-1].new in after and len(steps) <= len(group):
            steps.append(after[steps[-1].new])
        first = _first_state(steps)
        if first is not None and len(steps) <= len(group):
            yield _Chain(tuple(steps), first, linear)


def _first_state(steps: Sequence[Step]) -> Value | None:
    """The state that the first step reads: what it multiplies with the matrix that the second applies to the state."""
    split = parted(steps[1].gates[0], steps[0].new)
    if split is None:
        return None
    found = {one.x for one in steps[0].gates[0].products if one.kernel == split[1].kernel}
    return found.pop() if len(found) == 1 else None


class _Read(msgspec.Struct, frozen=True):
    """The sequence of a layer: a tensor whose slices its steps read, or the tensors themselves."""

    value: Value | None
    parts: tuple[Value, ...]
    time_major: bool
    backwards: bool


class _Raising:
    """Replaces one chain."""

    def __init__(self, graph: Graph, chain: _Chain, joined: dict[str, Joined], facts: Facts) -> None:
        self.graph = graph
        self.chain = chain
        self.joined = joined
        self.facts = facts
        self.linear = chain.linear
        self.last = chain.steps[-1]
        self.inside: set[Node] = set()
        self.stacks: set[Node] = set()

    def run(self) -> Graph | None:
        """The graph with the layer, None if an obligation does not hold."""
        found = self._layer()
        if found is None:
            return None
        layer, read = found
        outside = self._read_outside()
        if outside is None:
            return None
        try:
            made = self._replaced(layer, read, *outside)
        except ShapeError:
            return None
        return made if self._is_gone(made, layer) else None

    def _layer(self) -> tuple[Layer, _Read] | None:
        """The layer that all steps agree on, and what it reads."""
        layers: list[Layer] = []
        slices: list[Value] = []
        sequences: set[Value] = set()
        for step, old in self.chain.states():
            if step.old is not None and step.old is not old:
                return None
            projected: set[Value] = set()
            read = gates_of(step, old, partial(self._source, projected))
            layer = None if read is None else layer_of(step, read[1])
            if read is None or layer is None or not isinstance(read[0], Value):
                return None
            layers.append(layer)
            slices.append(read[0])
            sequences |= projected
        if any(layer != layers[0] for layer in layers) or len(sequences) > 1:
            return None
        sequence = self._sequence(slices, sequences.pop() if sequences else None)
        return None if sequence is None else (layers[0], sequence)

    def _source(self, projected: set[Value], x: Product | Part) -> tuple[object, Form] | None:
        """The tensor that a step reads; of a product taken before the steps were parted, the share of its columns."""
        if isinstance(x, Product):
            return x.x, Form(products=(x,))
        whole = slice_of(self.linear.producer, x.x)
        if whole is None:
            return None
        form = self.linear.form(whole.value)
        width = form.width
        if width is None or len(form.products) != 1:
            return None
        projected.add(form.products[0].x)
        try:
            return x.x, form.cut(x.start, width if x.stop is None else x.stop)
        except ValueError:
            return None

    def _sequence(self, values: Sequence[Value], projected: Value | None) -> _Read | None:
        """Slices 0, 1, … of one tensor, or the other way round; else single tensors that are there beforehand."""
        found = [slice_of(self.linear.producer, value) for value in values]
        known = [one for one in found if one is not None]
        if len(known) == len(found):
            one, order = known[0], [item.index for item in known]
            same = all(
                (item.value, item.axis, item.count) == (one.value, one.axis, one.count) for item in known
            )
            whole = same and one.axis in (0, 1) and one.count == len(order) and one.value.type.rank == 3
            if whole and order in (list(range(len(order))), list(range(len(order)))[::-1]):
                value = one.value if projected is None else projected
                return _Read(value, (), one.axis == 0, order[0] != 0)
        if projected is not None or any(value.type.rank != 2 for value in values):
            return None
        places = {node: i for i, node in enumerate(self.graph.nodes)}
        start = places[self.graph.producers[self.chain.steps[0].new]]
        if any(places[self.graph.producers[value]] >= start for value in values):
            return None
        return _Read(None, tuple(values), time_major=False, backwards=False)

    def _read_outside(self) -> tuple[set[int], bool] | None:
        """Which outputs are read one by one, and whether the last inner state is; None if another inner state is."""
        for step, old in self.chain.states():
            self._collect(step, old)
        outputs = tuple(step.new for step in self.chain.steps)
        self.stacks = {
            node
            for node in self.graph.uses.get(self.last.new, ())
            if isinstance(node.op, Stack) and node.op.axis in (0, 1) and node.operands == outputs
        }
        if any(self._is_read(step.cell) for step in self.chain.steps[:-1]):
            return None
        read = {i for i, step in enumerate(self.chain.steps) if self._is_read(step.new)}
        return read, self._is_read(self.last.cell)

    def _is_read(self, value: Value | None) -> bool:
        """Whether anything but the steps, and what puts all outputs together, reads a value."""
        if value is None:
            return False
        users = self.graph.uses.get(value, ())
        known = self.inside | self.stacks
        return value in self.graph.outputs or any(user not in known for user in users)

    def _collect(self, step: Step, old: Value) -> None:
        """The nodes that compute a step from what it reads."""
        stop = {old, step.old_cell, *_sources(step)}
        queue = [step.new]
        while queue:
            node = self.graph.producers.get(queue.pop())
            if node is None or isinstance(node.op, (Input, Parameter, Constant)):
                continue
            if node not in self.inside:
                self.inside.add(node)
                queue.extend(value for value in node.operands if value not in stop)

    def _replaced(self, layer: Layer, read: _Read, outputs: set[int], cell: bool) -> Graph:
        """The graph with the layer where the first step ended, and what others read of it where they read it."""
        steps, last = self.chain.steps, len(self.chain.steps) - 1
        apart = not outputs <= {last}
        sequences = apart or bool(self.stacks)
        op = with_results(
            layer.op,
            sequences=sequences,
            states=cell or (sequences and not apart and bool(outputs)),
            time_major=read.time_major,
            backwards=read.backwards,
        )
        name = self._name(layer)
        filled = uses(layer, name, self._is_taken, self.joined)
        places = {self.graph.producers[step.new].name: i for i, step in enumerate(steps)}
        stacks = {node.name for node in self.stacks}
        made: list[Value] = []
        parts: list[Value] = []

        def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
            place = places.get(node.name)
            if place == 0:
                origin = Origin(name, node.origin.type, node.span)
                made.extend(self._emit(rewriter, op, read, filled, origin, sequences=sequences))
                if apart:
                    split = Unstack(count=len(steps), axis=0 if read.time_major else 1)
                    parts.extend(rewriter.add(split, made[:1], name=f"{name}/outputs", origin=origin).results)
            if node.name in stacks:
                return self._together(node, rewriter, made[0], read)
            if place is not None and (apart or place == last):
                own = parts[place] if apart else made[1 if sequences and len(made) > 1 else 0]
                rest = [made[2] if value.name == self._cell_name() else value for value in node.results]
                return [
                    own if value.name == steps[place].new.name else v
                    for value, v in zip(node.results, rest, strict=True)
                ]
            if cell and node.results[0].name == self._cell_name():
                return (made[2],)
            return None

        return without_dead_nodes(rewrite(self.graph, rule), lambda node: isinstance(node.op, Input))

    def _cell_name(self) -> str | None:
        return None if self.last.cell is None else self.last.cell.name

    def _together(
        self, node: Node, rewriter: Rewriter, sequence: Value, read: _Read
    ) -> Sequence[Value] | None:
        """What puts all outputs together is the sequence, turned if it stands on another axis."""
        assert isinstance(node.op, Stack)
        if node.op.axis == (0 if read.time_major else 1):
            return (sequence,)
        return rewriter.swap(node, TURNED, (sequence,))

    def _emit(
        self,
        rewriter: Rewriter,
        op: Op,
        read: _Read,
        filled: Sequence[ParamUse],
        origin: Origin,
        *,
        sequences: bool,
    ) -> tuple[Value, ...]:
        first = [rewriter.current(self.chain.first)]
        if self.chain.steps[0].old_cell is not None:
            first.append(rewriter.current(self.chain.steps[0].old_cell))
        if read.value is not None:
            x = rewriter.current(read.value)
        else:
            parts = [rewriter.current(value) for value in read.parts]
            x = rewriter.add(Stack(axis=1), parts, name=f"{origin.layer}/steps", origin=origin).result
        operands = (
            [x]
            if all(is_zero(rewriter.producer, value, self.facts.constants) for value in first)
            else [x, *first]
        )
        if any(node.name == origin.layer for node in self.inside):
            rewriter.release(origin.layer)
        native = None if sequences else self.last.new.native
        node = rewriter.add(op, operands, name=origin.layer, origin=origin, params=filled, natives=(native,))
        return node.results

    def _name(self, layer: Layer) -> str:
        """The scope of the cell's arrays."""
        symbols = [
            piece.symbol.split("/")[:-1] for array in layer.arrays.values() for piece, _ in array.rows[0]
        ]
        common = []
        for parts in zip(*symbols, strict=False):
            if len(set(parts)) > 1:
                break
            common.append(parts[0])
        return "/".join(common) or layer.op.name

    def _is_taken(self, symbol: str) -> bool:
        return self.facts.is_symbol(symbol) or any(
            use.symbol == symbol for node in self.graph.nodes for use in node.params
        )

    def _is_gone(self, graph: Graph, layer: Layer) -> bool:
        """Whether nothing is left of the steps, nor reads the parts of arrays that were joined."""
        names = {node.name for node in graph.nodes}
        left = [step for step in self.chain.steps if self.graph.producers[step.new].name in names]
        parts = {
            symbol for array in layer.arrays.values() if array.whole() is None for symbol in array.symbols
        }
        used = {use.symbol for node in graph.nodes for use in node.params}
        return not left and not parts & used
