"""Attention: mixing values by how well their keys match queries. Tensors are [N, T, features] unless said.

Operands are query, value and, if `keyed`, key; behind them the masks named in `masks`, in that order.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ParamSpec, ShapeError, op
from transpiler.ir.types import Dim, Shape, TensorType
from transpiler.ops import fields as f


def _masks() -> tuple[str, ...]:
    made: tuple[str, ...] = f.anything(
        "names of the masks that follow as operands",
        lambda value: tuple(str(item) for item in value),
        "list of texts",
        (),
    )
    return made


class Score(enum.Enum):
    """How the match of a query and a key is measured."""

    DOT = "dot"
    CONCAT = "concat"


class Attending(Op):
    """What the attention ops share."""

    arity = Arity(2, None)
    operand_names = ("query", "value", "key", "mask")
    keyed: bool
    masks: tuple[str, ...]
    scores: bool

    @property
    def result_count(self) -> int:
        return 2 if self.scores else 1

    def check_operands(self, operands: Sequence[TensorType]) -> None:
        """Raise ShapeError unless there are as many operands as the fields say."""
        wanted = 2 + self.keyed + len(self.masks)
        if len(operands) != wanted:
            raise ShapeError(f"{wanted} operands are needed, got {len(operands)}")

    def tensors(self, operands: Sequence[TensorType]) -> tuple[Shape | None, Shape | None, Shape | None]:
        """Shapes of query, value and key."""
        return operands[0].shape, operands[1].shape, operands[2 if self.keyed else 1].shape


class Single(Attending):
    """One head without projections: query [N, Tq, d], value [N, Tv, d'] give [N, Tq, d']."""

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        self.check_operands(operands)
        query, value, _ = self.tensors(operands)
        if query is None or value is None:
            return (operands[0].with_shape(None),) * self.result_count
        if len(query) != 3 or len(value) != 3:
            raise ShapeError(f"attention needs three axes, got {len(query)} and {len(value)}")
        mixed = operands[0].with_shape((*query[:-1], value[-1]))
        return (mixed, operands[0].with_shape((*query[:-1], value[-2])))[: self.result_count]


@op("attention", "Attention")
class Attention(Single):
    """Softmax of query times key, times value (Luong); `concat`: of tanh(query + key) summed over features."""

    scale: bool = f.flag("whether scores are multiplied by a learned number", False)
    score: Score = f.choice(Score, "how a match is measured", Score.DOT)
    dropout: float = f.rate("share of dropped scores while training", 0.0)
    causal: bool = f.flag("whether steps see no later steps", False)
    keyed: bool = f.flag("whether keys are an operand of their own", False)
    masks: tuple[str, ...] = _masks()
    scores: bool = f.flag("whether the scores are a second result", False)

    @property
    def roles(self) -> tuple[str, ...]:
        return (
            *(("scale",) if self.scale else ()),
            *(("concat_weight",) if self.score is Score.CONCAT else ()),
        )

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        return {role: ParamSpec(()) for role in self.roles}


@op("additive_attention", "Attention")
class AdditiveAttention(Single):
    """Softmax of tanh(query + key) summed over features, each times a learned factor if `scale` (Bahdanau)."""

    scale: bool = f.flag("whether features have learned factors", True)
    dropout: float = f.rate("share of dropped scores while training", 0.0)
    causal: bool = f.flag("whether steps see no later steps", False)
    keyed: bool = f.flag("whether keys are an operand of their own", False)
    masks: tuple[str, ...] = _masks()
    scores: bool = f.flag("whether the scores are a second result", False)

    @property
    def roles(self) -> tuple[str, ...]:
        return ("scale",) if self.scale else ()

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        query = operands[0].shape
        return {role: ParamSpec((None if query is None else query[-1],)) for role in self.roles}


def _projection(part: str, inputs: Dim, heads: int, size: int, bias: bool) -> dict[str, ParamSpec]:
    specs = {f"{part}_kernel": ParamSpec((inputs, heads, size))}
    return {**specs, f"{part}_bias": ParamSpec((heads, size))} if bias else specs


class Projected(Attending):
    """What attention with several heads and learned projections shares.

    Kernels of query, key, value (and gate): [features, heads, size]; of the output: [heads, size, features…].
    """

    bias: bool
    gate: bool

    @property
    def parts(self) -> tuple[str, ...]:
        raise NotImplementedError(type(self).__name__)

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(
            f"{part}_{kind}"
            for part in self.parts
            for kind in (("kernel", "bias") if self.bias else ("kernel",))
        )


@op("multi_head_attention", "Attention")
class MultiHeadAttention(Projected):
    """Attention in `heads` learned projections at once, over `axes` (none: all between batch and features)."""

    heads: int = f.integer("number of heads", least=1)
    key_size: int = f.integer("size of a head's queries and keys", least=1)
    value_size: int | None = f.optional_integer("size of a head's values; none: as keys", None)
    output_shape: tuple[int | None, ...] | None = f.optional_shape(
        "shape of an output vector; none: as the query's", None
    )
    axes: tuple[int, ...] | None = f.optional_integers("axes over which is attended; none: all", None)
    dropout: float = f.rate("share of dropped scores while training", 0.0)
    bias: bool = f.flag("whether projections have biases", True)
    gate: bool = f.flag("whether the mixed values are multiplied by a learned gate", False)
    window: int | None = f.optional_integer("farthest step that is seen; none: all", None)
    causal: bool = f.flag("whether steps see no later steps", False)
    keyed: bool = f.flag("whether keys are an operand of their own", False)
    masks: tuple[str, ...] = _masks()
    scores: bool = f.flag("whether the scores are a second result", False)

    @property
    def parts(self) -> tuple[str, ...]:
        return ("query", "key", *(("gate",) if self.gate else ()), "value", "output")

    def _output(self, query: Shape | None) -> Shape:
        if self.output_shape is not None:
            return self.output_shape
        return (None,) if query is None else (query[-1],)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        self.check_operands(operands)
        query, value, _ = self.tensors(operands)
        if query is None:
            return (operands[0],) * self.result_count
        mixed = operands[0].with_shape((*query[:-1], *self._output(query)))
        return (mixed, operands[0].with_shape(self._scores(query, value)))[: self.result_count]

    def _scores(self, query: Shape, value: Shape | None) -> Shape | None:
        if value is None or len(query) != len(value):
            return None
        axes = [axis % len(query) for axis in self.axes] if self.axes else list(range(1, len(query) - 1))
        batch = tuple(size for i, size in enumerate(query[:-1]) if i not in axes)
        return (*batch, self.heads, *(query[i] for i in axes), *(value[i] for i in axes))

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        query, value, key = self.tensors(operands)
        size = self.value_size or self.key_size
        specs: dict[str, ParamSpec] = {}
        for part, shape, width in (
            ("query", query, self.key_size),
            ("key", key, self.key_size),
            *((("gate", query, size),) if self.gate else ()),
            ("value", value, size),
        ):
            specs.update(
                _projection(part, None if shape is None else shape[-1], self.heads, width, self.bias)
            )
        out = self._output(query)
        specs["output_kernel"] = ParamSpec((self.heads, size, *out))
        return {**specs, "output_bias": ParamSpec(out)} if self.bias else specs


@op("group_query_attention", "Attention")
class GroupQueryAttention(Projected):
    """Multi-head attention in which groups of query heads share a key and a value head."""

    size: int = f.integer("size of a head", least=1)
    heads: int = f.integer("number of query heads", least=1)
    shared_heads: int = f.integer("number of key and value heads", least=1)
    dropout: float = f.rate("share of dropped scores while training", 0.0)
    bias: bool = f.flag("whether projections have biases", True)
    gate: bool = f.flag("whether the mixed values are multiplied by a learned gate", False)
    window: int | None = f.optional_integer("farthest step that is seen; none: all", None)
    causal: bool = f.flag("whether steps see no later steps", False)
    keyed: bool = f.flag("whether keys are an operand of their own", False)
    masks: tuple[str, ...] = _masks()
    scores: bool = f.flag("whether the scores are a second result", False)

    @property
    def parts(self) -> tuple[str, ...]:
        return ("query", "key", *(("gate",) if self.gate else ()), "value", "output")

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        self.check_operands(operands)
        query, value, _ = self.tensors(operands)
        if query is None:
            return (operands[0],) * self.result_count
        if len(query) != 3:
            raise ShapeError(f"attention needs three axes, got {len(query)}")
        steps = None if value is None else value[1]
        return (operands[0], operands[0].with_shape((query[0], self.heads, query[1], steps)))[
            : self.result_count
        ]

    def params(self, operands: Sequence[TensorType]) -> dict[str, ParamSpec]:
        query, value, key = self.tensors(operands)
        features = None if query is None else query[-1]
        specs: dict[str, ParamSpec] = {}
        for part, shape, heads in (
            ("query", query, self.heads),
            ("key", key, self.shared_heads),
            *((("gate", query, self.heads),) if self.gate else ()),
            ("value", value, self.shared_heads),
        ):
            specs.update(_projection(part, None if shape is None else shape[-1], heads, self.size, self.bias))
        specs["output_kernel"] = ParamSpec((self.heads, self.size, features))
        return {**specs, "output_bias": ParamSpec((features,))} if self.bias else specs
