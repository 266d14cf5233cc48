"""Ops made of other ops: one applied at every step, two run in both directions, one whose kernel is normalized."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ParamSpec, ShapeError, op
from transpiler.ir.types import Dim, TensorType
from transpiler.ops import fields as f
from transpiler.ops.convolution import DepthwiseConv
from transpiler.ops.dense import Embedding
from transpiler.ops.einsum import EinsumDense
from transpiler.ops.op_fields import operation
from transpiler.ops.recurrent import OverTime


def _without_time(types: Sequence[TensorType]) -> list[TensorType]:
    """Types of one step: without axis 1. Raises ShapeError when there is none."""
    steps = []
    for type_ in types:
        if type_.shape is not None and len(type_.shape) < 2:
            raise ShapeError(f"a batch and a time axis are needed, got {len(type_.shape)} axes")
        steps.append(type_ if type_.shape is None else type_.with_shape((type_.shape[0], *type_.shape[2:])))
    return steps


@op("time_distributed", "Wrapper")
class TimeDistributed(Op):
    """`inner` applied to every step of axis 1, with the same parameters."""

    arity = Arity(1, None)
    inner: Op = operation("what is applied")

    @property
    def result_count(self) -> int:
        return self.inner.result_count

    @property
    def roles(self) -> tuple[str, ...]:
        return self.inner.roles

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        time: Dim = next((x.shape[1] for x in operands if x.shape is not None and len(x.shape) > 1), None)
        results = self.inner.infer(_without_time(operands))
        return tuple(
            r if r.shape is None else r.with_shape((r.shape[0], time, *r.shape[1:])) for r in results
        )

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        return self.inner.params(_without_time(operands))


class Merge(enum.Enum):
    """What becomes of the outputs of both directions."""

    CONCAT = "concat"
    SUM = "sum"
    MUL = "mul"
    AVE = "ave"
    NONE = "none"


@op("bidirectional", "Wrapper")
class Bidirectional(Op):
    """A recurrent op read forwards and one read backwards, whose sequence is turned round again before merging.

    Initial states: first those of `forward`, then those of `backward`; final states likewise. Roles are the inner
    ops' own behind `forward_` and `backward_`.
    """

    arity = Arity(1, None)
    operand_names = ("x", "states")
    forward: Op = operation("the op that reads forwards")
    backward: Op = operation("the op that reads backwards")
    merge: Merge = f.choice(Merge, "what becomes of both outputs", Merge.CONCAT)

    def __post_init__(self) -> None:
        if not isinstance(self.forward, OverTime) or not isinstance(self.backward, OverTime):
            raise ValueError("both directions must be recurrent")

    @property
    def _states(self) -> int:
        return self.forward.result_count - 1 + self.backward.result_count - 1

    @property
    def result_count(self) -> int:
        return self._states + (2 if self.merge is Merge.NONE else 1)

    @property
    def roles(self) -> tuple[str, ...]:
        return (
            *(f"forward_{role}" for role in self.forward.roles),
            *(f"backward_{role}" for role in self.backward.roles),
        )

    def _split(self, operands: Sequence[TensorType]) -> tuple[list[TensorType], list[TensorType]]:
        states = list(operands[1:])
        half = len(states) // 2
        return [operands[0], *states[:half]], [operands[0], *states[half:]]

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        mine, theirs = self._split(operands)
        (ahead, *after), (back, *before) = self.forward.infer(mine), self.backward.infer(theirs)
        if self.merge is Merge.NONE:
            return (ahead, back, *after, *before)
        if self.merge is Merge.CONCAT and ahead.shape is not None and back.shape is not None:
            left, right = ahead.shape[-1], back.shape[-1]
            width = None if left is None or right is None else left + right
            ahead = ahead.with_shape((*ahead.shape[:-1], width))
        return (ahead, *after, *before)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        mine, theirs = self._split(operands)
        return {
            **{f"forward_{role}": spec for role, spec in self.forward.params(mine).items()},
            **{f"backward_{role}": spec for role, spec in self.backward.params(theirs).items()},
        }


@op("spectral_norm", "Wrapper")
class SpectralNorm(Op):
    """`inner`, whose kernel is divided by its largest singular value while training (estimated with `vector_u`)."""

    arity = Arity(1, None)
    inner: Op = operation("the op with the kernel")
    iterations: int = f.integer("steps of the power iteration", 1, least=1)

    @property
    def result_count(self) -> int:
        return self.inner.result_count

    @property
    def roles(self) -> tuple[str, ...]:
        return (*self.inner.roles, "vector_u")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return self.inner.infer(operands)

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        specs = self.inner.params(operands)
        return {**specs, "vector_u": ParamSpec((1, self._width(specs)), trainable=False)}

    def _width(self, specs: dict[str, ParamSpec]) -> Dim:
        """The kernel's last axis as Keras lays it out, on which the estimate lives."""
        match self.inner:
            case DepthwiseConv(multiplier=multiplier):
                return multiplier
            case Embedding(units=units):
                return units
            case EinsumDense():
                return specs["kernel"].shape[-1]
            case _:
                return specs["kernel"].shape[0] if "kernel" in specs and specs["kernel"].shape else None
