"""A flat graph seen in one phase: what a tensor really is behind identities, calls, branches and dead switches."""

from __future__ import annotations

from typing import Any, Final

from transpiler.dialects.tensorflow.functions import FlatGraph, FlatNode, Tensor
from transpiler.dialects.tensorflow.graph_def import TensorProto
from transpiler.dialects.tensorflow.ops_table import ALIASES, BRANCHES, MERGES, SWITCHES

NOWHERE: Final[Tensor] = ("", -1)
"""The result of a node that never runs in this phase."""

_PHASE_NAMES: Final = (
    "learning_phase",
    "is_training",
    "istraining",
    "training_phase",
    "phase_train",
    "is_train",
)
_MAX_CHAIN: Final = 10_000


class View:
    """The graph while training or while testing."""

    def __init__(self, flat: FlatGraph, *, training: bool) -> None:
        self.flat = flat
        self.training = training
        self._resolved: dict[Tensor, Tensor] = {}
        self._numbers: dict[Tensor, float | None] = {}
        self._makers: dict[Tensor, FlatNode | None] = {}
        self.dead: set[Tensor] = set()
        self._find_dead()

    def node(self, tensor: Tensor) -> FlatNode | None:
        """The node that really makes a tensor, None if none does."""
        return self.flat.nodes.get(self.resolve(tensor)[0])

    def inputs(self, node: FlatNode) -> tuple[Tensor, ...]:
        """What a node really reads."""
        return tuple(self.resolve(tensor) for tensor in node.inputs)

    def resolve(self, tensor: Tensor) -> Tensor:
        """The tensor behind every node that passes its operand on in this phase; NOWHERE for one that never is."""
        chain: list[Tensor] = []
        seen: set[Tensor] = set()
        now: Tensor | None = tensor
        while now is not None and now not in self._resolved and now not in seen and len(chain) < _MAX_CHAIN:
            seen.add(now)
            chain.append(now)
            now = self.step(now)
        last = chain[-1] if now is None else self._resolved.get(now, now)
        self._resolved.update(dict.fromkeys(chain, last))
        return last

    def step(self, tensor: Tensor) -> Tensor | None:
        """What stands directly behind a tensor, None if it is made here."""
        if tensor in self.flat.aliases:
            return self.flat.aliases[tensor]
        if tensor in self.dead:
            return None if tensor == NOWHERE else NOWHERE
        name, index = tensor
        node = self.flat.nodes.get(name)
        if node is None:
            return None
        if node.op in ALIASES or node.op in ("Enter", "RefEnter", "Exit", "RefExit"):
            return node.inputs[index] if index < len(node.inputs) else None
        if node.op in BRANCHES and name in self.flat.branches:
            condition, other, then = self.flat.branches[name]
            number = self.number(condition)
            side = then if number else other
            return side[index] if number is not None and index < len(side) else None
        if node.op in SWITCHES and len(node.inputs) == 2 and self.number(node.inputs[1]) is not None:
            return node.inputs[0]
        if node.op in MERGES and index == 0:
            alive = [given for given in node.inputs if given not in self.dead]
            return alive[0] if len(alive) == 1 < len(node.inputs) else None
        return None

    def number(self, tensor: Tensor, depth: int = 0) -> float | None:
        """A truth value or number that the phase and constants decide; None for everything else."""
        if tensor in self._numbers:
            return self._numbers[tensor]
        self._numbers[tensor] = None  # while it is being found out: a circle decides nothing
        found = self._number(tensor, depth) if depth < 50 else None
        self._numbers[tensor] = found
        return found

    def _number(self, tensor: Tensor, depth: int) -> float | None:
        node = self._behind(tensor)
        if node is None:
            return None
        if node.op in ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault"):
            name = node.name.lower()
            if any(word in name for word in _PHASE_NAMES) and _is_scalar(node):
                return float(self.training)
            if node.op == "PlaceholderWithDefault" and node.inputs:
                return self.number(node.inputs[0], depth + 1)
            return None
        if node.op == "Const":
            return _scalar(node.get("value"))
        operands = [self.number(given, depth + 1) for given in node.inputs]
        if None in operands or not operands:
            return None
        return _LOGIC[node.op](*operands) if node.op in _LOGIC and len(operands) == _ARITY[node.op] else None

    def _behind(self, tensor: Tensor) -> FlatNode | None:
        """The node behind identities and calls only: branches may depend on what is asked."""
        passed: list[Tensor] = []
        for _ in range(_MAX_CHAIN):
            if tensor in self._makers:
                return self._found(passed, self._makers[tensor])
            passed.append(tensor)
            if tensor in self.flat.aliases:
                tensor = self.flat.aliases[tensor]
                continue
            node = self.flat.nodes.get(tensor[0])
            if node is None:
                return self._found(passed, None)
            if node.op in BRANCHES and node.name in self.flat.branches:
                side = self._side(node, tensor[1])
                if side is None:
                    return node
                tensor, passed = side, []  # what depends on a condition is not remembered
            elif (node.op in ALIASES or node.op in SWITCHES) and node.inputs:
                place = 0 if node.op in SWITCHES else min(tensor[1], len(node.inputs) - 1)
                tensor = node.inputs[place]
            else:
                return self._found(passed, node)
        return None

    def _found(self, passed: list[Tensor], node: FlatNode | None) -> FlatNode | None:
        self._makers.update(dict.fromkeys(passed, node))
        return node

    def _side(self, node: FlatNode, index: int) -> Tensor | None:
        """The result of the side of a branch that is taken, if that is known."""
        condition, other, then = self.flat.branches[node.name]
        number = self.number(condition)
        side = then if number else other
        return None if number is None or index >= len(side) else side[index]

    def _find_dead(self) -> None:
        """Spread the dead results of switches whose condition is known to all that reads them, through controls too."""
        readers: dict[str, list[FlatNode]] = {}
        queue: list[Tensor] = []
        for node in self.flat.nodes.values():
            for name in (*(tensor[0] for tensor in node.inputs), *node.controls):
                readers.setdefault(name, []).append(node)
            if node.op in SWITCHES and len(node.inputs) == 2:
                number = self.number(node.inputs[1])
                if number is not None:
                    queue.append((node.name, 0 if number else 1))
        while queue:
            tensor = queue.pop()
            if tensor in self.dead:
                continue
            self.dead.add(tensor)
            for reader in readers.get(tensor[0], ()):
                if self._dies(reader):
                    queue.extend(
                        (reader.name, index)
                        for index in self._results(reader)
                        if (reader.name, index) not in self.dead
                    )

    def _dies(self, node: FlatNode) -> bool:
        controlled = any(
            (name, 0) in self.dead and (name, 1) not in self._alive_switch(name) for name in node.controls
        )
        if node.op in MERGES:
            return bool(node.inputs) and all(tensor in self.dead for tensor in node.inputs)
        return controlled or any(tensor in self.dead for tensor in node.inputs)

    def _alive_switch(self, name: str) -> set[Tensor]:
        """A switch never dies as a whole while one of its sides lives."""
        node = self.flat.nodes.get(name)
        if node is None or node.op not in SWITCHES:
            return set()
        return {(name, index) for index in (0, 1) if (name, index) not in self.dead}

    @staticmethod
    def _results(node: FlatNode) -> range:
        return range(2 if node.op in SWITCHES or node.op in MERGES else 8)


def _is_scalar(node: FlatNode) -> bool:
    shape = node.get("shape")
    dims = getattr(shape, "dims", None)
    return not dims or dims == (1,)


def _scalar(value: Any) -> float | None:
    if not isinstance(value, TensorProto) or value.shape.dims not in ((), (1,), None):
        return None
    try:
        array = value.array()
    except ValueError:
        return None
    return float(array.reshape(-1)[0]) if array.size == 1 and array.dtype.kind in "fiub" else None


_LOGIC: Final[dict[str, Any]] = {
    "LogicalNot": lambda a: float(not a),
    "LogicalAnd": lambda a, b: float(bool(a) and bool(b)),
    "LogicalOr": lambda a, b: float(bool(a) or bool(b)),
    "Cast": lambda a: a,
    "ToBool": lambda a: float(bool(a)),
    "Equal": lambda a, b: float(a == b),
    "NotEqual": lambda a, b: float(a != b),
    "Greater": lambda a, b: float(a > b),
    "GreaterEqual": lambda a, b: float(a >= b),
    "Less": lambda a, b: float(a < b),
    "LessEqual": lambda a, b: float(a <= b),
    "Squeeze": lambda a: a,
    "Reshape": lambda a, _: a,
    "Sub": lambda a, b: a - b,
}
_ARITY: Final = {name: 1 if name in ("LogicalNot", "Cast", "ToBool", "Squeeze") else 2 for name in _LOGIC}
