"""The nodes of a graph grouped into what Keras writes as one layer: an op with the activation folded into it.

Folded are only nodes of the same source layer: its activation, and what Keras does silently around some layers
(flattening channels last, new axes before merging). Numbers in calls are no layers at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from transpiler.dialects.keras.activations import activation_name
from transpiler.dialects.keras.defaults_keras2 import KERAS2_DEFAULTS
from transpiler.dialects.keras.defaults_keras3 import KERAS3_DEFAULTS
from transpiler.dialects.keras.dialect import spell_as_written
from transpiler.dialects.rows import Dialect, Native, Refusal, Row
from transpiler.ir import Graph, Node, Value
from transpiler.ir.attributes import Attr
from transpiler.ops.core import Constant, Opaque
from transpiler.ops.elementwise import Elementwise
from transpiler.ops.shape import ExpandDims, Flatten, Transpose

_RECURRENT: Final = ("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell")
_NOT_AFTER: Final = (*_RECURRENT, "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Activation", "Highway")
"""Layers whose `activation` is not applied to their result."""


class Unit(msgspec.Struct, frozen=True, eq=False):
    """One call of a layer: the node that is spelled, how, and what is folded into it."""

    node: Node
    row: Row | None
    native: Native
    operands: tuple[Value, ...]
    results: tuple[Value, ...]
    activation: Node | None = None

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def scope(self) -> str:
        return self.node.scope


class NotLegal(ValueError):
    """A node was to be written that no row of Keras accepts: legalization did not run, or is wrong."""


def units_of(graph: Graph, dialect: Dialect) -> tuple[Unit, ...]:
    """All units of a graph in order. Raises NotLegal."""
    grouping = _Grouping(graph, dialect)
    for node in graph.nodes:
        if isinstance(node.op, (Flatten, Elementwise)):
            grouping.fold_before(node)
    return tuple(unit for node in graph.nodes if (unit := grouping.unit(node)) is not None)


class _Grouping:
    def __init__(self, graph: Graph, dialect: Dialect) -> None:
        self.graph = graph
        self.dialect = dialect
        self.outputs = set(graph.outputs)
        self.folded: set[Node] = set()
        self.operands: dict[Node, tuple[Value, ...]] = {}
        self.settings: dict[Node, dict[str, Attr]] = {}

    def only_use(self, value: Value) -> Node | None:
        """The only node that reads a value, if it is no output."""
        uses = self.graph.uses.get(value, ())
        return uses[0] if len(uses) == 1 and value not in self.outputs else None

    def _beside(self, node: Node, other: Node) -> bool:
        """Whether another node belongs to the same call of the same source layer."""
        return (
            other.origin == node.origin
            and other.name.startswith(f"{node.name}/")
            and other.scope == node.scope
        )

    def fold_before(self, node: Node) -> None:
        """Find what Keras does by itself before a Flatten or a merge."""
        operands = [self._before(node, value) for value in node.operands]
        if isinstance(node.op, Flatten) and operands[0] is not node.operands[0]:
            self.settings[node] = {"data_format": "channels_first"}
        self.operands[node] = tuple(operands)

    def _before(self, node: Node, value: Value) -> Value:
        producer = self.graph.producers[value]
        while self._is_silent(node, producer) and self.only_use(value) is not None:
            self.folded.add(producer)
            value = producer.operands[0]
            producer = self.graph.producers[value]
        return value

    def _is_silent(self, node: Node, before: Node) -> bool:
        if not self._beside(node, before):
            return False
        if isinstance(node.op, Flatten):
            rank = before.operands[0].type.rank if before.operands else None
            return isinstance(before.op, Transpose) and before.op.axes == (0, *range(2, rank or 0), 1)
        return isinstance(before.op, ExpandDims) and before.op.axis == 1

    def unit(self, node: Node) -> Unit | None:
        """The unit of a node, None if it is part of another one."""
        if node in self.folded or isinstance(node.op, Constant):
            return None
        row, native = self._spelled(node)
        activation = self._activation(node, native)
        results = node.results
        if activation is not None:
            self.folded.add(activation)
            native = with_activation(native, activation)
            results = (*activation.results, *node.results[1:])
        return Unit(node, row, native, self.operands.get(node, node.operands), results, activation)

    def _spelled(self, node: Node) -> tuple[Row | None, Native]:
        if isinstance(node.op, Opaque):
            return None, opaque_native(node, node.op)
        spelled = spell_as_written(self.dialect, node)
        if isinstance(spelled, Refusal):
            raise NotLegal(f"{node.name}: {spelled.reason}")
        row, native = spelled
        settings = self.settings.get(node)
        return row, msgspec.structs.replace(
            native, config={**native.config, **settings}
        ) if settings else native

    def _activation(self, node: Node, native: Native) -> Node | None:
        if not node.results or not takes_activation(native):
            return None
        after = self.only_use(node.results[0])
        if (
            after is None
            or after.origin != node.origin
            or after.scope != node.scope
            or len(after.operands) != 1
        ):
            return None
        known = isinstance(after.op, Opaque) and after.op.type == "activation"
        return after if known or self._has_function(after) else None

    def _has_function(self, node: Node) -> bool:
        name = activation_name(node.op)
        return name is not None and any(
            row.native == "Activation" and row.fixed.get("activation") == name
            for row in self.dialect.writers(type(node.op))
        )


def takes_activation(native: Native) -> bool:
    """Whether a layer applies an `activation` to its result; a TimeDistributed does if the layer inside does."""
    inner: Any = native.config.get("layer")
    if native.type == "TimeDistributed" and isinstance(inner, Mapping):
        return takes_activation(Native(str(inner["class_name"]), inner["config"]))
    arguments = KERAS3_DEFAULTS.get(native.type) or KERAS2_DEFAULTS.get(native.type, {})
    return "activation" in arguments and native.type not in _NOT_AFTER


def with_activation(native: Native, node: Node) -> Native:
    """The same layer with an activation."""
    value = node.op.attributes["activation"] if isinstance(node.op, Opaque) else activation_name(node.op)
    inner: Any = native.config.get("layer")
    if native.type == "TimeDistributed":
        inside = {**inner, "config": {**inner["config"], "activation": value}}
        return msgspec.structs.replace(native, config={**native.config, "layer": inside})
    return msgspec.structs.replace(native, config={**native.config, "activation": value})


def opaque_native(node: Node, op: Opaque) -> Native:
    """A layer that is not known, as it was written."""
    if op.type == "activation":
        return Native("Activation", {"activation": op.attributes["activation"]})
    module = op.attributes.get("module")
    is_operation = isinstance(module, str) and module.startswith("keras.src.ops.")
    config: Any = op.attributes["config"]
    more = {key: op.attributes[key] for key in ("call",) if key in op.attributes}
    name = f"{module}.{op.type}" if is_operation else op.type
    return Native(name, {**config, **more}, len(node.operands), len(node.results))


def results_of(units: Sequence[Unit]) -> set[Value]:
    """All values that units produce."""
    return {value for unit in units for value in unit.results}


def respelled(unit: Unit, dialect: Dialect) -> Unit:
    """A unit whose node has changed, spelled again, with the same activation. Raises NotLegal."""
    if isinstance(unit.node.op, Opaque):
        return unit
    spelled = spell_as_written(dialect, unit.node)
    if isinstance(spelled, Refusal):
        raise NotLegal(f"{unit.name}: {spelled.reason}")
    row, native = spelled
    return msgspec.structs.replace(
        unit, row=row, native=native if unit.activation is None else with_activation(native, unit.activation)
    )
