"""Numbers for networks that come without any: seeded by name, and of a size that keeps signals alive.

An array's numbers are drawn from a stream that depends on the seed and the array's symbol alone
(`default_rng([seed, crc32(symbol)])`), so that they are the same on every machine. Scales, by what an array is for:

| array | drawn from |
|---|---|
| kernels | normal, deviation sqrt(2 / inputs of one output) (He et al. 2015); recurrent ones half of that |
| tables of embeddings, learned tensors | normal, deviation 1 |
| biases, betas, means | normal, deviation 0.1 |
| gammas, variances, scales | uniform in [0.5, 1.5) |
| slopes (PReLU) | uniform in [0, 0.5) |

Means and variances of a normalization are these times the deviation and variance that are to be expected of its input
(`magnitudes`).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from transpiler.ir import DType, LazyArray, Module, Node, Value
from transpiler.ops.attention import Projected
from transpiler.ops.core import Parameter
from transpiler.ops.dense import Embedding, ReversibleEmbedding
from transpiler.ops.einsum import EinsumDense
from transpiler.ops.normalization import BatchNorm
from transpiler.ops.preprocessing import Standardize
from transpiler.verify.magnitudes import Moments, moments
from transpiler.weights.store import Store

if TYPE_CHECKING:
    import numpy as np

    from transpiler.ir.arrays import Array as Numbers

_POSITIVE: Final = ("gamma", "variance", "scale", "concat_weight", "count")
_SMALL: Final = ("bias", "beta", "mean")
_SLOPES: Final = ("alpha",)
_BIAS: Final = 0.1
_MOST_SLOPE: Final = 0.5
_RECURRENT: Final = 0.5


def generator(seed: int, name: str, *more: int) -> np.random.Generator:
    """The stream of numbers that belongs to a name."""
    import numpy as np

    return np.random.default_rng([seed, zlib.crc32(name.encode()), *more])


def seeded(module: Module, seed: int) -> Store:
    """Numbers for every learned array of a shaped module; those it holds itself stay."""
    found: dict[str, LazyArray] = dict(module.constants)
    for graph in module.graphs.values():
        expected = moments(graph)
        for node in graph.nodes:
            specs = node.op.params([value.type for value in node.operands]) if node.op.roles else {}
            for role, spec in specs.items():
                use = node.param(role)
                if use.constant is None and use.symbol not in found:
                    scale = _scale(node, role, expected)
                    found[use.symbol] = _lazy(seed, use.symbol, node, role, spec.shape, scale)
    return Store(found)


def _scale(node: Node, role: str, expected: Mapping[Value, Moments]) -> float:
    """By how much more than usual an array is scaled, so that a normalization gives numbers of about 1."""
    if not isinstance(node.op, (BatchNorm, Standardize)):
        return 1.0
    variance = expected[node.operands[0]].square
    return {"variance": variance, "mean": math.sqrt(variance)}.get(role, 1.0)


def _lazy(
    seed: int, symbol: str, node: Node, role: str, shape: Sequence[int | None], scale: float
) -> LazyArray:
    sizes = tuple(size or 0 for size in shape)

    def load() -> Numbers:
        drawn = _drawn(generator(seed, symbol), node, role, sizes)
        return drawn if scale == 1 else (scale * drawn).astype("float32")

    return LazyArray(sizes, DType.FLOAT32, load)


def _drawn(numbers: np.random.Generator, node: Node, role: str, shape: tuple[int, ...]) -> Numbers:
    kind = role.rpartition("_")[2]
    if kind in _POSITIVE:
        made = numbers.uniform(0.5, 1.5, shape)
    elif kind in _SMALL:
        made = _BIAS * numbers.standard_normal(shape)
    elif kind in _SLOPES:
        made = numbers.uniform(0, _MOST_SLOPE, shape)
    else:
        made = numbers.standard_normal(shape) * _deviation(node, role, shape)
    return made.astype("float32")


def _deviation(node: Node, role: str, shape: tuple[int, ...]) -> float:
    if isinstance(node.op, (Parameter, Embedding, ReversibleEmbedding)):
        return 1.0
    deviation = math.sqrt(2 / max(_inputs(node, role, shape), 1))
    return _RECURRENT * deviation if "recurrent" in role else deviation


def _inputs(node: Node, role: str, shape: tuple[int, ...]) -> int:
    """How many inputs one output of a kernel sums up."""
    if isinstance(node.op, Projected):
        return math.prod(shape[:2]) if role.startswith("output") else shape[0]
    if isinstance(node.op, EinsumDense):
        return shape[0] if shape else 1
    return math.prod(shape[1:])
