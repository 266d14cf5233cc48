"""Loops that run recurrent cells over a sequence, read as recurrent layers.

Obligations: the loop goes round once for each element of the sequences that it reads; every variable that goes round
is a counter from 0, an array of results, or the state of a known cell; each cell reads a sequence or another cell's
output; arrays are read back as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from transpiler.dialects.tensorflow.functions import FlatNode, Tensor
from transpiler.ir import Graph, Origin, TensorType, Value
from transpiler.ops.core import Input
from transpiler.passes.lower.tensorflow_layers import Emission, Given, Solved
from transpiler.passes.lower.tensorflow_loops import Form, Variable, bounds, live, within
from transpiler.passes.lower.tensorflow_sequences import (
    READS,
    WRITES,
    reads_all,
    same_size,
    spread,
)
from transpiler.passes.raise_layers import activations
from transpiler.passes.raise_layers.cells import Cells, Kind, Step
from transpiler.passes.raise_layers.engine import Facts, raise_with
from transpiler.passes.raise_layers.linear import Form as Sum
from transpiler.passes.raise_layers.linear import Linear, Part, Product
from transpiler.passes.raise_layers.recurrent import gates_of, layer_of

if TYPE_CHECKING:
    from transpiler.passes.lower.tensorflow_graph import GraphLowering


class _Body(msgspec.Struct, frozen=True, eq=False):
    """One step as a graph: the inputs that stand for states and for slices of sequences, the new states."""

    graph: Graph
    old: tuple[Value, ...]
    new: tuple[Value, ...]
    written: tuple[Value, ...]
    sequences: dict[Value, Given]


def raised(lowering: GraphLowering, form: Form) -> bool:
    """Add the layers that a loop is; False, with nothing added, when it is not known to be any."""
    return _Recurrence(lowering, form).run()


class _Recurrence:
    def __init__(self, lowering: GraphLowering, form: Form) -> None:
        self.lowering = lowering
        self.view = lowering.view
        self.form = form
        self.counters: dict[Tensor, Variable] = {}
        self.arrays: list[tuple[Variable, Tensor, bool]] = []
        self.states: list[Variable] = []

    def run(self) -> bool:
        if not self._sorted():
            return False
        body = self._body()
        if body is None or not self._goes_round_once_for_each(body) or not self._is_read_back(body):
            return False
        solved = self._solve(body)
        if solved is None:
            return False
        by_output = {body.new[one.state]: one for one in solved}
        if any(value not in by_output for value in body.written):
            return False
        Emission(self.lowering, self.form, self.states, solved).run(
            [
                (variable, by_output[value], once)
                for (variable, _, once), value in zip(self.arrays, body.written, strict=True)
            ]
        )
        return True

    def _sorted(self) -> bool:
        """Counters, arrays of results, states."""
        for one in self.form.variables:
            if self._counts(one):
                self.counters[one.now] = self.counters[one.test] = one
        kept = live(
            self.form, self.view, (one for one in self.form.variables if self.lowering.is_read(one.last))
        )
        if kept is None:
            return False
        for one in kept:
            node = self.view.node(one.next)
            if one.now in self.counters:
                continue
            if node is not None and node.op in WRITES:
                if not self._writes(one, node):
                    return False
            else:
                self.states.append(one)
        return bool(self.states) and len({one.next for one in self.states}) == len(self.states)

    def _counts(self, one: Variable) -> bool:
        """0, 1, 2, …"""
        node = self.view.node(one.next)
        if node is None or node.op not in ("Add", "AddV2") or self.lowering.number(one.first) != 0:
            return False
        inputs = self.view.inputs(node)
        if len(inputs) != 2:
            return False
        return any(a == one.now and self.lowering.number(b) == 1 for a, b in (inputs, inputs[::-1]))

    def _writes(self, one: Variable, node: FlatNode) -> bool:
        """Element i of the array is written in round i, or its only element again and again."""
        inputs = self.view.inputs(node)
        if len(inputs) < 3:
            return False
        is_list = node.op == "TensorListSetItem"
        array = inputs[0] if is_list else inputs[-1]
        index, value = inputs[1], inputs[2]
        if array != one.now:
            return False
        once = self.lowering.number(index) == 0 and self._length(one.first, is_list) == 1
        if not once and index not in self.counters:
            return False
        self.arrays.append((one, value, once))
        return True

    def _length(self, first: Tensor, is_list: bool) -> float | None:
        """With how many elements an array begins, if that is a number in the file."""
        made = self.view.node(first)
        if made is None or made.op not in ("TensorListReserve", "TensorArrayV3"):
            return None
        inputs = self.view.inputs(made)
        return self.lowering.number(inputs[1 if is_list else 0]) if len(inputs) > is_list else None

    def _body(self) -> _Body | None:
        step = self.lowering.child()
        given: dict[Tensor, Value] = {}
        old = [self._placeholder(step, one.now, self.lowering.value(one.first).type) for one in self.states]
        given.update(zip((one.now for one in self.states), old, strict=True))
        wanted = [one.next for one in self.states] + [value for _, value, _ in self.arrays]
        nodes = within(self.form, self.view, wanted, given.keys() | self.counters.keys(), READS)
        if nodes is None:
            return None
        sequences: dict[Value, Given] = {}
        for node in nodes:
            if node.op in READS:
                source = self._sequence(node)
                if source is None:
                    return None
                shape = source.value.type.shape
                kind = source.value.type.with_shape(None if shape is None else shape[1:])
                value = self._placeholder(step, (node.name, 0), kind)
                given[node.name, 0] = value
                sequences[value] = source
        step.values.update(given)
        step.steps(node for node in nodes if node.op not in READS)
        outputs = tuple(step.value(tensor) for tensor in wanted)
        graph = Graph("step", tuple(step.builder.nodes), outputs)
        graph = raise_with(graph, (activations.PATTERNS,), Facts())
        count = len(self.states)
        return _Body(graph, tuple(old), graph.outputs[:count], graph.outputs[count:], sequences)

    def _placeholder(self, step: GraphLowering, tensor: Tensor, kind: TensorType) -> Value:
        op = Input(shape=kind.shape, dtype=kind.dtype)
        name = f"{tensor[0]}:{tensor[1]}"
        return step.builder.add(op, (), name=name, origin=Origin(name, "step")).result

    def _sequence(self, read: FlatNode) -> Given | None:
        """What a read reads, and in which order."""
        tensor = spread(self.lowering, read)
        if tensor is None:
            return None
        value = self.lowering.value(tensor)
        index = self.view.inputs(read)[1]
        if value.type.rank != 3:
            return None
        if index in self.counters:
            return Given(value, backwards=False)
        return Given(value, backwards=True) if self._mirrored(index, value) else None

    def _mirrored(self, index: Tensor, value: Value) -> bool:
        """Whether an index is size - 1 - counter."""
        node = self.view.node(index)
        if node is None or node.op != "Sub" or len(node.inputs) != 2:
            return False
        last, counter = self.view.inputs(node)
        number = self.lowering.number(last)
        size = value.type.shape[0] if value.type.shape else None
        if counter not in self.counters:
            return False
        if number is not None:
            return size is not None and number == size - 1
        before = self.view.node(last)
        if before is None or before.op != "Sub" or len(before.inputs) != 2:
            return False
        count, one = self.view.inputs(before)
        return self.lowering.number(one) == 1 and same_size(self.lowering, count, value)

    def _goes_round_once_for_each(self, body: _Body) -> bool:
        limits = bounds(self.form, self.view, self.counters)
        values = [one.value for one in body.sequences.values()]
        if not limits or not values:
            return False
        return all(same_size(self.lowering, limit, value) for limit in limits for value in values)

    def _is_read_back(self, body: _Body) -> bool:
        """Whether everything that is read after the loop is a state, or an array as a whole."""
        unread = [one.last for one in self.counters.values()]
        if any(map(self.lowering.is_read, unread)):
            return False
        x = next(iter(body.sequences.values())).value
        for variable, _, once in self.arrays:
            if variable.last in self.lowering.outputs:
                return False
            for node in self.lowering.readers.get(variable.last, ()):
                if not reads_all(self.lowering, node, self.view.inputs(node), None if once else x):
                    return False
        return True

    def _solve(self, body: _Body) -> list[Solved] | None:
        """The cells, each after the one that it reads."""
        linear = Linear(body.graph.producers.get)
        cells = Cells(linear)
        outer = Linear(self.lowering.builder.producer)
        known: dict[Value, Given | Solved] = dict(body.sequences)
        projected: dict[tuple[Value, bool], Given] = {}

        def source(x: Product | Part) -> tuple[object, Sum] | None:
            where = known.get(x.x)
            if where is None:
                return None
            if isinstance(x, Product):
                return where, Sum(products=(x,))
            if isinstance(where, Solved):
                return None
            return _projection(outer, where, x, projected)

        solved: list[Solved] = []
        waiting = list(range(len(self.states)))
        while waiting:
            found = next((one for k in waiting for one in self._cell(k, body, cells, source)), None)
            if found is None:
                return None
            solved.append(found)
            known[body.new[found.state]] = found
            waiting = [k for k in waiting if k not in (found.state, found.inner)]
        return solved

    def _cell(self, k: int, body: _Body, cells: Cells, source: _Source) -> Sequence[Solved]:
        """The cell whose output is the new value of variable k, if it is one."""
        for step in cells.steps(body.new[k]):
            inner = self._inner(step, body)
            if inner is None and step.kind is Kind.LSTM:
                continue
            if step.old is not None and step.old is not body.old[k]:
                continue
            read = gates_of(step, body.old[k], source)
            layer = None if read is None else layer_of(step, read[1])
            if read is not None and layer is not None and isinstance(read[0], (Given, Solved)):
                return (Solved(k, inner, layer, read[0]),)
        return ()

    def _inner(self, step: Step, body: _Body) -> int | None:
        """The variable that is an LSTM's inner state."""
        pairs = enumerate(zip(body.old, body.new, strict=True))
        return next((i for i, (a, b) in pairs if a is step.old_cell and b is step.cell), None)


def _projection(
    outer: Linear, where: Given, part: Part, projected: dict[tuple[Value, bool], Given]
) -> tuple[Given, Sum] | None:
    """A product with the whole sequence, taken before the loop, that the step reads some columns of."""
    whole = outer.form(where.value)
    width = whole.width
    if width is None or len(whole.products) != 1:
        return None
    try:
        share = whole.cut(part.start, width if part.stop is None else part.stop)
    except ValueError:
        return None
    x = whole.products[0].x
    given = projected.setdefault((x, where.backwards), Given(x, where.backwards))
    return given, share


if TYPE_CHECKING:
    from transpiler.passes.raise_layers.recurrent import Source as _Source
