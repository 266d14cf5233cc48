"""What a rule that reads one TensorFlow node works with: its operands as values or known elements, its attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from transpiler.dialects.tensorflow.functions import FlatNode, Tensor
from transpiler.ir import Op, Value
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Explicit, Padding, Same, Valid
from transpiler.passes.lower.tensorflow_static import Static


class Keep(Exception):
    """The node has no exact op: it stays a single op of TensorFlow."""


class Values(Protocol):
    """What the graph's lowering offers to a node's."""

    def value(self, tensor: Tensor) -> Value:
        """The value of a tensor."""

    def static(self, tensor: Tensor) -> Static | None:
        """Its elements, if they are known."""

    def weight(self, tensor: Tensor, rank: int) -> Value:
        """The value of a learned tensor; one that the file does not have is a parameter of unknown sizes."""

    def average(self, statistic: Tensor) -> Value | None:
        """The moving average of a batch's statistic."""

    def emit(self, node: FlatNode, op: Op, operands: Sequence[Value], what: str) -> tuple[Value, ...]:
        """Add a node for a TensorFlow node, named by it and `what`. Raises ShapeError."""


class Reading(msgspec.Struct, frozen=True, eq=False):
    """One node while it is being read."""

    node: FlatNode
    inputs: tuple[Tensor, ...]
    graph: Values

    def x(self, i: int) -> Value:
        """The value of operand i. Raises Keep when the node has no such operand."""
        return self.graph.value(self._tensor(i))

    def weight(self, i: int, rank: int) -> Value:
        """The value of operand i, which has so many axes even if the file does not have it."""
        return self.graph.weight(self._tensor(i), rank)

    def all(self) -> list[Value]:
        return [self.graph.value(tensor) for tensor in self.inputs]

    def all_but(self, i: int) -> list[Value]:
        """The values of all operands but one."""
        skipped = i % len(self.inputs) if self.inputs else 0
        return [self.graph.value(tensor) for j, tensor in enumerate(self.inputs) if j != skipped]

    def static(self, i: int) -> Static | None:
        return self.graph.static(self._tensor(i)) if -len(self.inputs) <= i < len(self.inputs) else None

    def numbers(self, i: int) -> list[Any]:
        """The elements of operand i, which must be known numbers. Raises Keep."""
        static = self.static(i)
        if static is None or static.numbers is None:
            raise Keep
        return static.numbers

    def scalar(self, i: int) -> float | int | None:
        """The only number of operand i, if it is one of rank 0."""
        static = self.static(i)
        if static is None or static.array.shape != () or static.numbers is None:
            return None
        number = static.numbers[0]
        return None if isinstance(number, bool) else number

    def emit(self, op: Op, *operands: Value, what: str = "") -> tuple[Value, ...]:
        return self.graph.emit(self.node, op, operands, what)

    def get(self, key: str, default: Any = None) -> Any:
        return self.node.get(key, default)

    def _tensor(self, i: int) -> Tensor:
        if not -len(self.inputs) <= i < len(self.inputs):
            raise Keep
        return self.inputs[i]

    def format(self, default: str = "NHWC") -> DataFormat:
        """Where the channels are. Raises Keep for vectorised formats."""
        name = self.get("data_format", default)
        if name in ("NHWC", "NDHWC", "NWC", ""):
            return DataFormat.CHANNELS_LAST
        if name in ("NCHW", "NCDHW", "NCW"):
            return DataFormat.CHANNELS_FIRST
        raise Keep

    def spatial(self, name: str, rank: int) -> tuple[int, ...]:
        """The numbers of a list attribute that belong to spatial axes, 1s if it is absent. Raises Keep."""
        full = self.get(name)
        if not full:
            return (1,) * rank
        full = tuple(full)
        if len(full) != rank + 2:
            raise Keep
        if self.format() is DataFormat.CHANNELS_FIRST:
            outer, inner = full[:2], full[2:]
        else:
            outer, inner = (full[0], full[-1]), full[1:-1]
        if outer != (1, 1):
            raise Keep
        return inner

    def padding(self, rank: int) -> Padding:
        """SAME, VALID or explicit padding. Raises Keep."""
        match self.get("padding"):
            case "SAME":
                return Same()
            case "VALID":
                return Valid()
            case "EXPLICIT":
                flat = tuple(self.get("explicit_paddings") or ())
                if len(flat) != 2 * (rank + 2):
                    raise Keep
                pairs = tuple(zip(flat[::2], flat[1::2], strict=True))
                inner = pairs[2:] if self.format() is DataFormat.CHANNELS_FIRST else pairs[1:-1]
                return Explicit(inner)
            case _:
                raise Keep


Rule = Callable[[Reading], Sequence[Value]]
"""Reads a node: adds nodes and answers what its results are. Raises Keep, ValueError or ShapeError."""
