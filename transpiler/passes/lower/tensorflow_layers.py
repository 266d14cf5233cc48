"""The recurrent layers that a loop became: added to the graph, and what stands for the loop's results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from transpiler.dialects.tensorflow.functions import Tensor
from transpiler.ir import Origin, Value
from transpiler.ops.array import Flip
from transpiler.ops.shape import Transpose
from transpiler.passes.lower.tensorflow_loops import Form, Variable
from transpiler.passes.lower.tensorflow_sequences import Rows
from transpiler.passes.raise_layers.engine import layer_name
from transpiler.passes.raise_layers.recurrent import Layer, is_zero, uses, with_results

if TYPE_CHECKING:
    from transpiler.passes.lower.tensorflow_graph import GraphLowering

TIME_MAJOR: Final = Transpose(axes=(1, 0, 2))


class Given(msgspec.Struct, frozen=True, eq=False):
    """A sequence from outside: its steps along the first axis, perhaps read from the last to the first."""

    value: Value
    backwards: bool


class Solved(msgspec.Struct, frozen=True, eq=False):
    """A cell that was recognised: which variable is its state (and its inner one), its layer, what it reads."""

    state: int
    inner: int | None
    layer: Layer
    source: Given | Solved


class Emission:
    """Adds the layers, and says what the loop's results are."""

    def __init__(
        self, lowering: GraphLowering, form: Form, states: Sequence[Variable], solved: Sequence[Solved]
    ) -> None:
        self.lowering = lowering
        self.form = form
        self.states = states
        self.solved = solved
        self.made: dict[Solved, tuple[tuple[Value, ...], bool]] = {}

    def run(self, arrays: Sequence[tuple[Variable, Solved, bool]]) -> None:
        sequences = {one for _, one, once in arrays if not once}
        sequences |= {one.source for one in self.solved if isinstance(one.source, Solved)}
        for one in self.solved:
            self._layer(one, sequences=one in sequences)
        for variable, one, once in arrays:
            results, time_major = self.made[one]
            value = self._last(one) if once else results[0]
            self.lowering.rows[variable.last] = Rows(value, time_major, once)

    def _layer(self, one: Solved, *, sequences: bool) -> None:
        lowering = self.lowering
        state, inner = self.states[one.state], None if one.inner is None else self.states[one.inner]
        states = sequences and lowering.is_read(state.last)
        states = states or (inner is not None and lowering.is_read(inner.last))
        x, time_major, backwards = self._x(one)
        op = with_results(
            one.layer.op, sequences=sequences, states=states, time_major=time_major, backwards=backwards
        )
        first = [lowering.value(variable.first) for variable in (state, inner) if variable is not None]
        operands = (
            [x]
            if all(is_zero(lowering.builder.producer, value, lowering.constants) for value in first)
            else [x, *first]
        )
        name = self._name(one)
        filled = uses(one.layer, name, lowering.is_symbol, lowering.joined)
        lowering.note_joined(self.form.name, [use.symbol for use in filled])
        node = lowering.builder.add(
            op,
            operands,
            name=name,
            origin=Origin(name, "While", lowering.view.flat.nodes[state.last[0]].span),
            params=filled,
            natives=self._natives(one, sequences=sequences, states=states),
        )
        self.made[one] = node.results, time_major
        lowering.values[state.last] = self._last(one)
        if inner is not None and states:
            lowering.values[inner.last] = node.results[2]

    def _name(self, one: Solved) -> str:
        """The scope of the loop, or of the cell's arrays where the loop runs several cells."""
        scope = _LOOP.sub("", layer_name(self.form.name)) or self.form.name
        if len(self.solved) == 1:
            return scope
        symbols = [piece.symbol for array in one.layer.arrays.values() for piece, _ in array.rows[0]]
        return "/".join(_common([symbol.split("/")[:-1] for symbol in symbols])) or scope

    def _natives(self, one: Solved, *, sequences: bool, states: bool) -> list[str | None]:
        """The names of the final states' tensors."""
        labels = [_label(self.states[i].last) for i in (one.state, one.inner) if i is not None]
        first = None if sequences else labels[0]
        return [first, *(labels if states else ())] if sequences or not states else [first, None, *labels[1:]]

    def _last(self, one: Solved) -> Value:
        """The final output."""
        results, _ = self.made[one]
        node = self.lowering.builder.producer(results[0])
        assert node is not None
        returned = node.op.return_sequences  # type: ignore[attr-defined]  # a recurrent layer
        return results[1] if returned and len(results) > 1 else results[0]

    def _x(self, one: Solved) -> tuple[Value, bool, bool]:
        """What a layer reads, whether time is its first axis, and whether it is read backwards."""
        if isinstance(one.source, Solved):
            results, time_major = self.made[one.source]
            return results[0], time_major, False
        seen = [(one.source.value, True, one.source.backwards)]
        for _ in range(4):
            value, time_major, backwards = seen[-1]
            node = self.lowering.builder.producer(value)
            if node is None:
                break
            if node.op == TIME_MAJOR:
                seen.append((node.operands[0], not time_major, backwards))
            elif node.op == Flip(axes=(0 if time_major else 1,)):
                seen.append((node.operands[0], time_major, not backwards))
            else:
                break
        return next((found for found in reversed(seen) if not found[1]), seen[-1])


_LOOP: Final = re.compile(r"/while(_\d+)?$")


def _common(paths: Sequence[Sequence[str]]) -> list[str]:
    """The beginning that paths have in common."""
    found = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        found.append(parts[0])
    return found


def _label(tensor: Tensor) -> str:
    return f"{tensor[0]}:{tensor[1]}"
