"""Averages of what is really there, written as a mean over added zeros and a fixed correction of each place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any as Anything
from typing import Final

from transpiler.ir import Value
from transpiler.ops.elementwise import Multiply
from transpiler.ops.pooling import AveragePool
from transpiler.ops.preprocessing import Rescale
from transpiler.ops.shape import Pad
from transpiler.ops.spatial import DataFormat, feature_map
from transpiler.ops.windows import Explicit, Rounding, Valid
from transpiler.passes.raise_layers.engine import Any, Found, Learned, Make, Pattern, replace

Built = Sequence[Value] | None
Pads = tuple[tuple[int, int], ...]
TOLERANCE: Final = 1e-6
"""How far a 32-bit quotient may be off, relative to it."""
_MOST_PADS: Final = 2


def _held_factors(found: Found) -> Built:
    return _average(found, found.array("factors"))


def _given_factors(found: Found) -> Built:
    import numpy as np

    op = found.node.op
    assert isinstance(op, Rescale)
    return _average(found, np.asarray(op.scale, dtype="f8")) if op.offset == 0 else None


def _average(found: Found, factors: Anything) -> Built:
    """The pooling whose divisors are what the factors make of the mean's."""
    pool = found.op("pool")
    x, pads = _padded(found, pool)
    counts = feature_map(found.node.result.type.shape or (), pool.data_format, pool.rank).spatial
    spatial = feature_map(x.type.shape or (), pool.data_format, pool.rank).spatial
    known = tuple(size for size in spatial if size is not None)
    if factors is None or len(known) < len(spatial):
        return None
    for op in _candidates(pool, pads):
        if op.outputs(known) == counts and _corrects(op, known, factors):
            return replace(found, op, x)
    return None


def _padded(found: Found, pool: AveragePool) -> tuple[Value, list[Pads]]:
    """What was there before zeros were added, and how many, first to last."""
    walk, x = found.walk, found["x"]
    pads: list[Pads] = []
    while len(pads) < _MOST_PADS:
        node = walk.producer(x)
        if node is None or not isinstance(node.op, Pad) or not walk.single(x):
            break
        if node.op.value != 0 or node.op.data_format is not pool.data_format:
            break
        pads.insert(0, node.op.pads)
        x = node.operands[0]
    return x, pads


def _candidates(pool: AveragePool, pads: Sequence[Pads]) -> Iterator[AveragePool]:
    """Windows that count their padding, but not what hangs over the end; and windows that do not count it."""
    none = ((0, 0),) * pool.rank
    first, *rest = pads or [none]
    total = tuple(
        (sum(a for a, _ in axis), sum(b for _, b in axis)) for axis in zip(first, *rest, strict=True)
    )
    even = tuple((before, before) for before, _ in first)
    for declared in dict.fromkeys((none, first, even)):
        padding = Explicit(declared) if declared != none else Valid()
        yield pool.evolve(padding=padding, rounding=Rounding.CEIL, count_padding=True)
    yield pool.evolve(padding=Explicit(total), rounding=Rounding.FLOOR, count_padding=False)


def _corrects(op: AveragePool, spatial: tuple[int, ...], factors: Anything) -> bool:
    """Whether the factors are, at every place, the elements of a window over those by which the op divides."""
    import numpy as np

    counts, last = op.outputs(spatial), op.data_format is DataFormat.CHANNELS_LAST
    shape = (1, *counts, 1) if last else (1, 1, *counts)
    if np.shape(factors) not in (shape, shape[1:]):
        return False
    divisors = np.ones((1,) * op.rank)
    for axis, lengths in enumerate(op.divisors(spatial)):
        divisors = divisors * np.reshape(lengths, [-1 if i == axis else 1 for i in range(op.rank)])
    wanted = float(np.prod(op.kernel)) / divisors
    return bool(np.allclose(factors, wanted[..., None] if last else wanted, rtol=TOLERANCE, atol=0))


def _is_plain(op: AveragePool) -> bool:
    return isinstance(op.padding, Valid) and op.rounding is Rounding.FLOOR


_POOL = Make(AveragePool, (Any("x"),), name="pool", when=_is_plain)

PATTERNS = (
    Pattern(
        "average of what is there", Make(Multiply, (_POOL, Learned("factors")), swap=True), _held_factors
    ),
    Pattern("average of what is there", Make(Rescale, (_POOL,)), _given_factors),
)
