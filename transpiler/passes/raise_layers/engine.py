"""A small matcher of trees of ops, and the walk that raises what it finds.

A pattern is a value: a tree to be found at a node, obligations that must hold for what was found, and a builder. A tree
is written with `Make` (a node of an op class with operand trees), `Any` (any value, bound to a name; the same name must
mean the same value), `Learned` (a parameter) and `Number` (a constant with one value). Nodes inside a tree that carry
data must be used by nothing else, so that nothing is computed twice; parameters and constants may be shared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from typing import Any as Anything

import msgspec

from transpiler.ir import Graph, Node, Op, Origin, ParamUse, ShapeError, Value
from transpiler.ir.rewriting import Rewriter, rewrite, without_dead_nodes
from transpiler.ops.core import Constant, Input, Parameter

if TYPE_CHECKING:
    from transpiler.passes.raise_layers.recurrent import Joined

MAX_ROUNDS = 12


class Any(msgspec.Struct, frozen=True):
    """Any value."""

    name: str


class Learned(msgspec.Struct, frozen=True):
    """A parameter, possibly reshaped on the way so that it broadcasts."""

    name: str


class Number(msgspec.Struct, frozen=True):
    """A constant that holds one number, of any shape; `equals` demands which one."""

    name: str = ""
    equals: float | None = None


class Make(msgspec.Struct, frozen=True):
    """A node of an op class whose fields satisfy `when`; with `swap`, its two operands in any order."""

    kind: type[Op]
    operands: tuple[Tree, ...] = ()
    name: str = ""
    when: Callable[[Anything], bool] | None = None
    swap: bool = False
    shared: bool = False
    """Whether other nodes may use its result too."""


class Either(msgspec.Struct, frozen=True):
    """One of several trees."""

    trees: tuple[Tree, ...]


Tree = Any | Learned | Number | Make | Either


class Found(msgspec.Struct, frozen=True, eq=False):
    """What a pattern found: values and nodes by the names of its tree; and what building needs."""

    node: Node
    values: Mapping[str, Value]
    nodes: Mapping[str, Node]
    walk: Walk

    def __getitem__(self, name: str) -> Value:
        return self.values[name]

    def op(self, name: str) -> Anything:
        """The op of a named node."""
        return self.nodes[name].op

    def shape(self, name: str) -> tuple[int | None, ...] | None:
        return self.values[name].type.shape

    def parameter(self, name: str) -> Node:
        """The parameter node behind a `Learned`."""
        node = self.walk.parameter(self.values[name])
        assert node is not None
        return node

    def number(self, name: str) -> float:
        """The number of a `Number`."""
        number = self.walk.number(self.values[name])
        assert number is not None
        return number

    def array(self, name: str) -> Anything:
        """The numbers of a `Learned` that the file itself holds, None if it holds none or cannot be decoded."""
        return self.walk.array(self.values[name])

    def use(self, role: str, name: str) -> ParamUse:
        """The use that fills a role with a `Learned`."""
        return ParamUse(role, self.parameter(name).param("value").symbol)


Obligation = Callable[[Found], bool]


class Pattern(msgspec.Struct, frozen=True):
    """An idiom: what it is called, how it looks, what must hold, and what it becomes.

    `build` answers the values that stand for the root's results, or None if it finds an obligation broken.
    """

    name: str
    tree: Make
    build: Callable[[Found], Sequence[Value] | None]
    where: tuple[Obligation, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """What is known besides the graph: arrays by symbol, momentum by variable, moving averages by statistic."""

    constants: Mapping[str, Anything] = msgspec.field(default_factory=dict)
    momenta: Mapping[str, float] = msgspec.field(default_factory=dict)
    moving: Mapping[str, tuple[str, str]] = msgspec.field(default_factory=dict)
    """Value of a batch's statistic -> name and symbol of the variable that is its moving average."""
    joined: dict[str, Joined] = msgspec.field(default_factory=dict)
    """Arrays of layers that the file keeps in parts; raising adds to them."""
    literal: bool = False
    """Whether arrays in the file are part of the network's definition, as what it learns lies in variables."""
    is_symbol: Callable[[str], bool] = frozenset().__contains__
    """Whether the file has something of a name."""


class Walk:
    """One walk over a graph: matching against what has been built so far."""

    def __init__(self, graph: Graph, patterns: Sequence[Pattern], facts: Facts) -> None:
        self.patterns: dict[type[Op], list[Pattern]] = {}
        for pattern in patterns:
            self.patterns.setdefault(pattern.tree.kind, []).append(pattern)
        self.facts = facts
        self.readers: dict[str, int] = {}
        for node in graph.nodes:
            for value in node.operands:
                self.readers[value.name] = self.readers.get(value.name, 0) + 1
        for value in graph.outputs:
            self.readers[value.name] = self.readers.get(value.name, 0) + 1
        self.rewriter: Rewriter

    def rule(self, node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        """Try the patterns of a node's op class."""
        self.rewriter = rewriter
        for pattern in self.patterns.get(type(node.op), ()):
            for found in self._matches(pattern.tree, node):
                if all(holds(found) for holds in pattern.where):
                    mark = len(rewriter.nodes)
                    try:
                        made = pattern.build(found)
                    except (ShapeError, ValueError):
                        made = None
                    if made is not None:
                        return made
                    del rewriter.nodes[mark:]
        return None

    def _matches(self, tree: Make, node: Node) -> Iterator[Found]:
        for values, nodes in self._node(tree, node, {}, {}):
            yield Found(node, values, nodes, self)

    def _node(
        self, tree: Make, node: Node, values: Mapping[str, Value], nodes: Mapping[str, Node]
    ) -> Iterator[tuple[Mapping[str, Value], Mapping[str, Node]]]:
        if not isinstance(node.op, tree.kind) or (tree.when is not None and not tree.when(node.op)):
            return
        if tree.operands and len(node.operands) != len(tree.operands):
            return
        named = {**nodes, tree.name: node} if tree.name else nodes
        orders = [node.operands]
        if tree.swap and len(node.operands) == 2:
            orders.append(node.operands[::-1])
        for operands in orders:
            yield from self._all(tuple(zip(tree.operands, operands, strict=False)), values, named)

    def _all(
        self, pairs: Sequence[tuple[Tree, Value]], values: Mapping[str, Value], nodes: Mapping[str, Node]
    ) -> Iterator[tuple[Mapping[str, Value], Mapping[str, Node]]]:
        if not pairs:
            yield values, nodes
            return
        (tree, value), *rest = pairs
        for bound, named in self._value(tree, value, values, nodes):
            yield from self._all(rest, bound, named)

    def _value(
        self, tree: Tree, value: Value, values: Mapping[str, Value], nodes: Mapping[str, Node]
    ) -> Iterator[tuple[Mapping[str, Value], Mapping[str, Node]]]:
        match tree:
            case Either(trees):
                for one in trees:
                    yield from self._value(one, value, values, nodes)
            case Make():
                producer = self.rewriter.producer(value)
                if producer is not None and (tree.shared or self.single(value)):
                    yield from self._node(tree, producer, values, nodes)
            case _:
                fits = (
                    isinstance(tree, Any)
                    or (isinstance(tree, Learned) and self.parameter(value) is not None)
                    or (isinstance(tree, Number) and self._is_number(tree, value))
                )
                known = values.get(tree.name, value) if tree.name else value
                if fits and known is value:
                    yield ({**values, tree.name: value} if tree.name else values), nodes

    def _is_number(self, tree: Number, value: Value) -> bool:
        number = self.number(value)
        return number is not None and (
            tree.equals is None or abs(number - tree.equals) <= 1e-6 * max(1, abs(tree.equals))
        )

    def single(self, value: Value) -> bool:
        """Whether one node reads a value, and it is no output."""
        return self.readers.get(value.name) == 1

    def is_read(self, value: Value) -> bool:
        """Whether a node reads a value, or it is an output."""
        return value.name in self.readers

    def producer(self, value: Value) -> Node | None:
        return self.rewriter.producer(value)

    def parameter(self, value: Value) -> Node | None:
        """The parameter that a value is, possibly reshaped."""
        from transpiler.ops.shape import ExpandDims, Reshape, Squeeze

        node = self.rewriter.producer(value)
        for _ in range(4):
            if node is None or isinstance(node.op, Parameter):
                return node
            if not isinstance(node.op, (Reshape, ExpandDims, Squeeze)):
                return None
            node = self.rewriter.producer(node.operands[0])
        return None

    def number(self, value: Value) -> float | None:
        node = self.rewriter.producer(value)
        if node is not None and isinstance(node.op, Constant) and len(set(node.op.values)) == 1:
            return node.op.values[0]
        return None

    def array(self, value: Value) -> Anything:
        node = self.parameter(value)
        lazy = None if node is None else self.facts.constants.get(node.param("value").symbol)
        try:
            return None if lazy is None else lazy.load()
        except ValueError:
            return None


_STEPS = re.compile(
    r"(batchnorm|layernorm|Tensordot|PartitionedCall|StatefulPartitionedCall|convolution|else|then|cond|moments)(_\d+)?"
)
"""Scopes inside a layer, which libraries open for their own steps."""
_DEPTHWISE = re.compile(r"(?:(.*)/)?separable_conv2d(?:_\d+)?/depthwise")


def layer_name(name: str) -> str:
    """A layer's name from that of the op that does its work: its scope, or its own name if it has none."""
    inner = _DEPTHWISE.fullmatch(name)
    scope = (inner[1] or "") if inner is not None else name.rpartition("/")[0]
    while "/" in scope and _STEPS.fullmatch(scope.rpartition("/")[2]):
        scope = scope.rpartition("/")[0]
    return scope or name


def replace(
    found: Found,
    op: Op,
    *operands: Value,
    params: Sequence[ParamUse] = (),
    name: str | None = None,
    layer: Node | None = None,
) -> tuple[Value, ...]:
    """The root again as another op, under a layer's name; its result keeps the native name.

    `layer`: the node whose layer this is (the convolution of a bias, say); None: the root.
    """
    node, rewriter = found.node, found.walk.rewriter
    wanted = name or (layer.name if layer is not None else layer_name(node.name))
    taken = {wanted, node.name} & {other.name for other in (node, *found.nodes.values())}
    for free in taken:
        rewriter.release(free)
    fresh = rewriter.fresh(wanted)
    origin = Origin(fresh, node.origin.type if layer is None else layer.origin.type, node.span)
    results = rewriter.swap(node, op, operands, params=tuple(params), name=fresh, origin=origin)
    last = rewriter.nodes.pop()
    renamed = results if len(results) > 1 else (msgspec.structs.replace(results[0], name=fresh),)
    rewriter.nodes.append(msgspec.structs.replace(last, results=renamed))
    return renamed


def raise_with(graph: Graph, rounds: Sequence[Sequence[Pattern]], facts: Facts) -> Graph:
    """Apply groups of patterns, each until it finds nothing more; nodes that nothing needs any more are dropped.

    A layer may know its result better than the op that it replaces. Where that shows a contradiction further on, the
    graph stays as it was before that round.
    """
    for patterns in rounds:
        for _ in range(MAX_ROUNDS):
            try:
                made = rewrite(graph, Walk(graph, patterns, facts).rule)
            except ShapeError:
                break
            if made is graph:
                break
            graph = without_dead_nodes(made, lambda node: isinstance(node.op, Input))
    return graph
