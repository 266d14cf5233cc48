"""Hypothesis strategies for the graph: ops of any class, nodes, and whole modules.

Op fields are generated from what their declarations say of them (the `kind` of the metadata, the converter), so a new
op is covered as soon as it is registered. What fields of one op ask of each other is said in `_agree`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from transpiler.ir import (
    Attr,
    Constant,
    Extras,
    Graph,
    Module,
    Node,
    Op,
    Origin,
    ParamUse,
    Permute,
    Relayout,
    Reshape,
    Take,
    TensorType,
    Value,
)
from transpiler.ir.op import REQUIRED, OpField, fields_of
from transpiler.ir.rewriting import result_names
from transpiler.ir.types import UNKNOWN
from transpiler.ops.registry import OPS
from transpiler.syntax.symbol import Symbol

NUMBERS = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 0.5, 0.75, 0.1, 1e-3, 1e-5, 2.0]),
    st.floats(allow_nan=False),
)
"""Values of real fields. NaN is left out: it does not equal itself, and no op has a use for it."""

WORDS = st.text("abcdefgxyz_0123456789", min_size=1, max_size=8)
NAMES = st.one_of(WORDS, WORDS.map("block/{}".format), st.text(max_size=10))
"""Names as files have them: mostly words, some with spaces, quotes, or nothing at all."""

PHASES = ("", "TRAIN", "TEST", "a b")

_ACTIVATIONS = ("relu", "tanh", "sigmoid", "hard_sigmoid", "elu", "identity", "softmax", "swish")
_CELLS = ("simple_rnn_cell", "lstm_cell", "gru_cell")
_SEQUENCES = ("simple_rnn", "lstm", "gru")
_INNER = {
    ("bidirectional", "forward"): _SEQUENCES,
    ("bidirectional", "backward"): _SEQUENCES,
    ("rnn", "cells"): _CELLS,
    ("time_distributed", "inner"): ("dense", "conv", "relu", "flatten", "max_pool"),
    ("spectral_norm", "inner"): ("dense", "conv"),
}
"""Op-valued fields that take only some ops; every other takes an activation."""

_INTEGERS = st.one_of(st.integers(1, 8), st.integers(-1, 64), st.integers(0, 2**20))
_COUNTS = {"results": st.integers(0, 2), "count": st.integers(1, 5)}
"""Fields that say how many results there are, which are better few."""
_KNOWN_VALUES: dict[tuple[str, str, int, st.SearchStrategy[float]], st.SearchStrategy[Any]] = {}
"""Strategies made before: making one takes longer than drawing from it."""
_DIMS = st.one_of(st.none(), st.integers(0, 300))
_SHAPES = st.lists(_DIMS, max_size=5).map(tuple)


def op_classes() -> list[type[Op]]:
    """Every registered op class, for parametrized tests."""
    return list(OPS.values())


def plain_data(*, depth: int = 6) -> st.SearchStrategy[Attr]:
    """Data as extras hold them: None, truth values, numbers (NaN too), strings, symbols, lists and tables."""
    symbols = st.one_of(st.sampled_from(["MAX", "true", "none", "nan", "a b", ""]), WORDS).map(Symbol)
    leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), symbols)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
        max_leaves=depth,
    )


def extras() -> st.SearchStrategy[Extras]:
    """What nodes, graphs and modules keep of their frameworks."""
    return st.dictionaries(NAMES, st.dictionaries(NAMES, plain_data(), max_size=3), max_size=2)


@st.composite
def ops(
    draw: st.DrawFn,
    kind: type[Op],
    *,
    numbers: st.SearchStrategy[float] = NUMBERS,
    fields: Mapping[str, st.SearchStrategy[Any]] | None = None,
) -> Op:
    """A valid payload of this op class. Fields with a default keep it half of the time.

    `numbers` gives the values of real fields (a framework that stores them as float32 needs others), `fields` those of
    single fields by name.
    """
    rank = draw(st.integers(1, 3))
    values: dict[str, Any] = {}
    for field in fields_of(kind):
        if field.default is REQUIRED or draw(st.booleans()):
            few = _COUNTS.get(field.name)
            values[field.name] = draw(_values(kind, field, rank, numbers) if few is None else few)
    values |= _agree(draw, kind, values)
    values |= {name: draw(strategy) for name, strategy in (fields or {}).items()}
    try:
        return kind(**values)
    except ValueError:
        reject()


def any_ops() -> st.SearchStrategy[Op]:
    """A valid payload of any op class."""
    return st.sampled_from(op_classes()).flatmap(ops)


def _values(
    kind: type[Op], field: OpField, rank: int, numbers: st.SearchStrategy[float]
) -> st.SearchStrategy[Any]:
    """Values that the field's converter takes. Lists have one entry for each of `rank` spatial axes."""
    key = kind.name, field.name, rank, numbers
    if key not in _KNOWN_VALUES:
        _KNOWN_VALUES[key] = _new_values(kind, field, rank, numbers)
    return _KNOWN_VALUES[key]


def _new_values(
    kind: type[Op], field: OpField, rank: int, numbers: st.SearchStrategy[float]
) -> st.SearchStrategy[Any]:
    said: str = field.kind
    if said in ("op", "list of ops"):
        names = _INNER.get((kind.name, field.name), _ACTIVATIONS)
        inner = st.sampled_from(names).flatmap(lambda name: ops(OPS[name]))
        return inner if said == "op" else st.lists(inner, min_size=1, max_size=2)
    return _raw(said, rank, numbers).filter(lambda value: _accepts(field.convert, value))


def _raw(said: str, rank: int, numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Any]:  # noqa: C901, PLR0912
    """Values for a kind of field, as its declaration says it; one case a kind."""
    pairs = _some(st.tuples(st.integers(0, 5), st.integers(0, 5)), rank)
    if " or " in said and not said.startswith(("one of ", "true", "valid")):
        return st.one_of(*(_raw(part, rank, numbers) for part in said.split(" or ")))
    match said:
        case "none":
            return st.none()
        case "integer":
            return _INTEGERS
        case "number":
            return numbers
        case "number from 0 to 1":
            return st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1)
        case "true or false":
            return st.booleans()
        case "text":
            return st.text(max_size=10)
        case "list of integers":
            return _some(_INTEGERS, rank)
        case "list of numbers" | "numbers":
            return st.lists(numbers, max_size=3)
        case "list of texts":
            return st.lists(WORDS, max_size=2)
        case "list of pairs":
            return pairs
        case "shape":
            return _SHAPES
        case "list of shapes":
            return st.lists(st.none() | _SHAPES, max_size=3)
        case "valid, same_upper, same_lower or list of pairs":
            return st.sampled_from(["valid", "same_upper", "same_lower"]) | pairs
        case "list of data":
            return st.lists(plain_data(), max_size=2)
        case "data":
            return st.dictionaries(NAMES, plain_data(), max_size=3)
        case _ if said.startswith("one of "):
            return st.sampled_from(said.removeprefix("one of ").split(", "))
        case _:
            raise NotImplementedError(f"no strategy for fields of kind {said!r}: add one here")


def _some(items: st.SearchStrategy[Any], count: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, min_size=count, max_size=count)


def _accepts(convert: Callable[[Any], Any], value: Any) -> bool:
    try:
        convert(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _agree(draw: st.DrawFn, kind: type[Op], values: dict[str, Any]) -> dict[str, Any]:
    """Fields drawn again so that they fit the others."""
    match kind.name:
        case "conv" | "conv_transpose":
            groups = draw(st.integers(1, 4))
            return {"groups": groups, "filters": groups * draw(st.integers(1, 16))}
        case "transpose":
            return {"axes": draw(st.permutations(range(draw(st.integers(0, 5)))))}
        case "reshape":
            target = draw(st.lists(st.integers(0, 64), max_size=4))
            place = draw(st.integers(-1, len(target) - 1))
            return {"target": target if place < 0 else [*target[:place], -1, *target[place + 1 :]]}
        case "split":
            points = sorted(draw(st.sets(st.integers(1, 50), max_size=4)))
            return {"points": points, "count": len(points) + 1 if points else draw(st.integers(1, 5))}
        case "constant":
            shape = draw(st.lists(st.integers(0, 3), max_size=2))
            return {"shape": shape, "values": draw(_some(NUMBERS, math.prod(shape)))}
        case "rnn":
            return {"stacked": True} if len(values["cells"]) > 1 else {}
        case "einsum" | "einsum_dense":
            return {"equation": draw(st.sampled_from(["abc,cd->abd", "...x,xy->...y", "ab,bcd->acd"]))}
        case "standardize":
            return {"mean": values.get("mean"), "variance": values.get("mean")}
        case "slice":
            return {"steps": [draw(st.sampled_from([1, 2, -1])) for _ in values["axes"]]}
        case _:
            return {}


@st.composite
def nodes(draw: st.DrawFn, kind: type[Op], *, numbers: st.SearchStrategy[float] = NUMBERS) -> Node:
    """One node of this op class whose operands and results have unknown types."""
    op = draw(ops(kind, numbers=numbers))
    most = op.arity.least + 2 if op.arity.most is None else op.arity.most
    operands = tuple(Value(f"x{i}") for i in range(draw(st.integers(op.arity.least, most))))
    results = tuple(map(Value, result_names("node", op.result_count)))
    return Node("node", op, operands, results, Origin("node", kind.name))


@st.composite
def modules(draw: st.DrawFn) -> Module:
    """A module of one or two graphs with up to six nodes; types are unknown or what the ops infer."""
    native = draw(st.booleans())
    phases = draw(st.lists(st.sampled_from(PHASES), min_size=1, max_size=2, unique=True))
    graphs = {phase: draw(_graphs(native)) for phase in phases}
    return Module(draw(NAMES), draw(NAMES), graphs, draw(extras()))


@st.composite
def _graphs(draw: st.DrawFn, native: bool) -> Graph:
    values: list[Value] = []
    made: list[Node] = []
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    for i, name in enumerate(names):
        op = draw(ops(OPS["input"]) if i == 0 else any_ops())
        if not values and op.arity.least > 0:
            continue
        made.append(draw(_applied(op, name, values, native)))
        values.extend(made[-1].results)
    outputs = draw(st.lists(st.sampled_from(values), max_size=2)) if values else []
    return Graph(draw(NAMES), tuple(made), tuple(outputs), draw(extras()))


@st.composite
def _applied(draw: st.DrawFn, op: Op, name: str, values: Sequence[Value], native: bool) -> Node:
    most = op.arity.least + 2 if op.arity.most is None else op.arity.most
    count = draw(st.integers(op.arity.least, most)) if values else 0
    operands = tuple(draw(st.sampled_from(values)) for _ in range(count))
    types = _types(op, operands) if draw(st.booleans()) else (UNKNOWN,) * op.result_count
    taken = {value.name for value in values}
    labels = result_names(name, op.result_count)
    if taken & set(labels) or draw(st.integers(0, 9)) == 0:
        labels = tuple(f"{len(taken)}:{i}" for i in range(op.result_count))
    natives = [draw(st.none() | st.just(label) | NAMES) if native else None for label in labels]
    results = tuple(map(Value, labels, types, natives))
    plain = draw(st.booleans())
    origin = Origin(name, op.name) if plain else Origin(draw(NAMES), draw(NAMES))
    params = () if plain else tuple(draw(_uses(name, role)) for role in op.roles)
    scope = "" if plain else draw(NAMES)
    return Node(name, op, operands, results, origin, params, scope, {} if plain else draw(extras()))


def _types(op: Op, operands: Sequence[Value]) -> tuple[TensorType, ...]:
    try:
        return op.infer([value.type for value in operands])
    except (ValueError, IndexError, ArithmeticError):
        return (UNKNOWN,) * op.result_count


@st.composite
def _uses(draw: st.DrawFn, node: str, role: str) -> ParamUse:
    steps = tuple(draw(st.lists(_relayouts(), max_size=3)))
    symbol = draw(st.just(f"{node}/{role}") | NAMES)
    constant = draw(st.none() | NUMBERS.map(Constant))
    return ParamUse(role, symbol, steps, constant)


def _relayouts() -> st.SearchStrategy[Relayout]:
    sizes = st.lists(st.integers(0, 100), max_size=4).map(tuple)
    orders = st.integers(0, 4).flatmap(lambda n: st.permutations(range(n))).map(tuple)
    return st.one_of(
        sizes.map(Reshape), orders.map(Permute), st.builds(Take, *(st.integers(0, 9) for _ in range(3)))
    )
