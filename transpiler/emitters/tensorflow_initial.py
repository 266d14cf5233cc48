"""Initial values of variables as small subgraphs, from the descriptions that a pass left in the extras."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from transpiler.dialects.tensorflow.write_template import Numbers
from transpiler.emitters.tensorflow_nodes import NodeDef
from transpiler.ir import DType, Relayout
from transpiler.ir.parameters import Flip, Permute, Regroup, Reshape, Take

FLOAT: Final = DType.FLOAT32
INT: Final = DType.INT32
Steps = Callable[..., str]


class Initializer:
    """Adds the nodes `NAME/Initializer/…` of one variable."""

    def __init__(self, name: str, nodes: list[NodeDef], fresh: Callable[[str], str]) -> None:
        self.scope = f"{name}/Initializer"
        self.nodes = nodes
        self.fresh = fresh

    def add(self, what: str, op: str, *inputs: str, **attributes: Any) -> str:
        """A node; its name."""
        name = self.fresh(f"{self.scope}/{what}")
        self.nodes.append(NodeDef(name, op, inputs, attributes))
        return name

    def ints(self, what: str, values: Sequence[int]) -> str:
        return self.add(what, "Const", dtype=INT, value=Numbers(INT, (len(values),), tuple(values)))

    def number(self, what: str, value: float) -> str:
        return self.add(what, "Const", dtype=FLOAT, value=Numbers(FLOAT, (), (value,)))

    def index(self, what: str, value: int) -> str:
        return self.add(what, "Const", dtype=INT, value=Numbers(INT, (), (value,)))

    def filled(self, shape: Sequence[int], value: float, what: str = "Const") -> str:
        """A constant of one number everywhere."""
        return self.add(what, "Const", dtype=FLOAT, value=Numbers(FLOAT, tuple(shape), (value,)))

    def mul(self, x: str, y: str) -> str:
        return self.add("mul", "Mul", x, y, T=FLOAT)

    def random(self, op: str, shape: Sequence[int], seed: int | None) -> str:
        sizes = self.ints("shape", shape)
        return self.add(op, op, sizes, T=INT, dtype=FLOAT, seed=seed or 0, seed2=0)

    def scaled(self, x: str, factor: float, shift: float) -> str:
        y = self.mul(x, self.number("stddev", factor))
        return self.add("add", "AddV2", y, self.number("mean", shift), T=FLOAT)


def initial_value(
    made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...], steps: Sequence[Relayout]
) -> str:
    """The node that gives the first value of a variable of this shape.

    `rule`: `kind` and its numbers. What depends on the place of an element is made in the source's order (the rule's
    `shape`) and moved by `steps`.
    """
    kind = str(rule["kind"])
    if (kind in PLACED and shape != tuple(rule["shape"])) or (kind in PLACED and steps):
        return moved(made, PLACED[kind](made, rule, tuple(rule["shape"])), tuple(rule["shape"]), steps)
    return {**EVERYWHERE, **PLACED}[kind](made, rule, shape)


def _constant(made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    value = float(rule.get("value", 0.0))
    return made.filled(shape, value, {0.0: "zeros", 1.0: "ones"}.get(value, "Const"))


def _uniform(made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    low, high = float(rule["low"]), float(rule["high"])
    drawn = made.random("RandomUniform", shape, rule.get("seed"))
    return made.scaled(drawn, high - low, low)


def _normal(made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    drawn = made.random("RandomStandardNormal", shape, rule.get("seed"))
    return made.scaled(drawn, float(rule["stddev"]), float(rule["mean"]))


def _truncated(made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    drawn = made.random("TruncatedNormal", shape, rule.get("seed"))
    return made.scaled(drawn, float(rule["stddev"]), float(rule["mean"]))


def _sparse(made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    """Normal numbers, each kept with the given probability (Caffe's `sparse`)."""
    values = _normal(made, rule, shape)
    drawn = made.random("RandomUniform", shape, None)
    kept = made.add("Less", "Less", drawn, made.number("probability", float(rule["probability"])), T=FLOAT)
    mask = made.add("Cast", "Cast", kept, SrcT=DType.BOOL, DstT=FLOAT)
    return made.mul(values, mask)


def _orthogonal(made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    """A random orthogonal matrix [product of all sizes but the last, last] (Keras), times a gain."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    size = [max(rows, columns), min(rows, columns)]
    drawn = made.random("RandomStandardNormal", size, rule.get("seed"))
    factors = made.add("Qr", "Qr", drawn, T=FLOAT, full_matrices=False)
    diagonal = made.add("DiagPart", "MatrixDiagPart", f"{factors}:1", T=FLOAT)
    q = made.mul(factors, made.add("Sign", "Sign", diagonal, T=FLOAT))
    if rows < columns:
        order = made.ints("transpose/perm", (1, 0))
        q = made.add("transpose", "Transpose", q, order, T=FLOAT, Tperm=INT)
    viewed = made.add("Reshape", "Reshape", q, made.ints("Reshape/shape", shape), T=FLOAT, Tshape=INT)
    return made.mul(viewed, made.number("gain", float(rule.get("gain", 1.0))))


def _identity(made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    """Ones on the diagonal of a matrix, times a gain: the number of a row equals that of a column."""
    rows = made.ints("rows", range(shape[0]))
    columns = made.ints("columns", range(shape[1]))
    column = made.add("ExpandDims", "ExpandDims", rows, made.index("dim", 1), T=INT, Tdim=INT)
    equal = made.add("Equal", "Equal", column, columns, T=INT)
    ones = made.add("Cast", "Cast", equal, SrcT=DType.BOOL, DstT=FLOAT)
    return made.mul(ones, made.number("gain", float(rule.get("gain", 1.0))))


def _blocks(made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    """Blocks of one number each along the only axis (an LSTM's forget bias)."""
    parts = [made.filled((int(size),), float(value), "block") for size, value in rule["blocks"]]
    axis = made.index("axis", 0)
    return made.add("concat", "ConcatV2", *parts, axis, N=len(parts), T=FLOAT, Tidx=INT)


def _bilinear(made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    """Caffe's interpolation kernel [1, 1, height, width], the same for all channels."""
    height, width = shape[-2:]
    reach = math.ceil(width / 2.0)
    centre = (2 * reach - 1 - reach % 2) / (2.0 * reach)
    values = tuple(
        (1 - abs(x / reach - centre)) * (1 - abs(y / reach - centre))
        for y in range(height)
        for x in range(width)
    )
    kernel = Numbers(FLOAT, (*(1,) * (len(shape) - 2), height, width), values)
    small = made.add("kernel", "Const", dtype=FLOAT, value=kernel)
    return made.add("BroadcastTo", "BroadcastTo", small, made.ints("shape", shape), T=FLOAT, Tidx=INT)


def _unitball(made: Initializer, rule: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    """Numbers of 0 … 1 divided by their sum over all axes but the first (Caffe's positive_unitball)."""
    drawn = made.random("RandomUniform", shape, None)
    axes = made.ints("axes", range(1, len(shape)))
    total = made.add("Sum", "Sum", drawn, axes, T=FLOAT, Tidx=INT, keep_dims=True)
    return made.add("truediv", "RealDiv", drawn, total, T=FLOAT)


EVERYWHERE: Final = {
    "constant": _constant,
    "uniform": _uniform,
    "normal": _normal,
    "truncated_normal": _truncated,
    "sparse_normal": _sparse,
    "orthogonal": _orthogonal,
    "identity": _identity,
}
"""Kinds that are drawn in the variable's own order: where an element lies does not matter, or Keras' order is meant."""
PLACED: Final = {"blocks": _blocks, "bilinear": _bilinear, "positive_unitball": _unitball}
"""Kinds that are made in the source's order."""


def moved(made: Initializer, value: str, shape: tuple[int, ...], steps: Sequence[Relayout]) -> str:
    """A tensor of this shape after layout steps."""
    for step in steps:
        value, shape = _moved(made, value, shape, step)
    return value


def _moved(
    made: Initializer, value: str, shape: tuple[int, ...], step: Relayout
) -> tuple[str, tuple[int, ...]]:
    match step:
        case Reshape(target):
            known = math.prod(size for size in target if size != -1)
            sizes = tuple(math.prod(shape) // known if size == -1 else size for size in target)
            return made.add(
                "Reshape", "Reshape", value, made.ints("sizes", sizes), T=FLOAT, Tshape=INT
            ), sizes
        case Permute(axes):
            order = made.ints("perm", axes)
            sizes = tuple(shape[axis] for axis in axes)
            return made.add("transpose", "Transpose", value, order, T=FLOAT, Tperm=INT), sizes
        case Flip(axes):
            return made.add(
                "ReverseV2", "ReverseV2", value, made.ints("axis", axes), T=FLOAT, Tidx=INT
            ), shape
        case Take(axis, start, stop):
            picked = made.ints("indices", range(start, stop))
        case Regroup(axis, blocks):
            picked = made.ints("indices", _order(blocks))
    sizes = (
        *shape[:axis],
        shape[axis] if isinstance(step, Regroup) else step.stop - step.start,
        *shape[axis + 1 :],
    )
    where = made.index("axis", axis)
    kinds = {"Tparams": FLOAT, "Tindices": INT, "Taxis": INT}
    return made.add("GatherV2", "GatherV2", value, picked, where, **kinds), sizes


def _order(blocks: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[int]:
    """For each new position along a regrouped axis, the old one."""
    found: list[int] = []
    start = 0
    for dims, axes in blocks:
        strides = [math.prod(dims[i + 1 :]) for i in range(len(dims))]
        places = [start]
        for axis in axes:
            places = [place + i * strides[axis] for place in places for i in range(dims[axis])]
        found += places
        start += math.prod(dims)
    return found
