"""The first values of learned arrays, read from the source's own words before any layer is rewritten.

The graph's extras keep, for each array, plain data that names a distribution with its numbers; what has been understood
is no longer among the nodes' native fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from transpiler.ir import Attr, Graph, Node
from transpiler.passes.legalize import tensorflow_initial_caffe as caffe
from transpiler.passes.legalize import tensorflow_initial_keras as keras
from transpiler.passes.manager import SHAPED, Context, Pass

Rule = Mapping[str, Attr]


def initial_values(graph: Graph, context: Context) -> Graph:
    """The graph with `extras["tensorflow"]["initial"]`: symbol -> kind and numbers, with the canonical `shape`."""
    del context
    found: dict[str, Attr] = {}
    nodes = []
    for node in graph.nodes:
        rules, used = _rules(node)
        for role, rule in rules.items():
            use = node.param(role)
            if use.constant is None:
                found.setdefault(use.symbol, dict(rule))
        nodes.append(_without(node, used))
    if not found:
        return graph
    extras = {**graph.extras, "tensorflow": {**graph.extras.get("tensorflow", {}), "initial": found}}
    return msgspec.structs.replace(graph, nodes=tuple(nodes), extras=extras)


def _rules(node: Node) -> tuple[dict[str, Rule], tuple[tuple[str, ...], ...]]:
    """Role -> rule, and the paths of the native fields that said it."""
    if not node.op.roles:
        return {}, ()
    specs = node.op.params([value.type for value in node.operands])
    rules: dict[str, Rule] = {}
    used: list[tuple[str, ...]] = []
    for role, spec in specs.items():
        if None in spec.shape:
            continue
        shape = tuple(size for size in spec.shape if size is not None)
        rule: Rule | None = None
        for framework, reader in READERS.items():
            if rule is None and framework in node.extras:
                rule, paths = reader(node, role, shape)
                used += [(framework, *path) for path in paths]
        rules[role] = {**(rule or _default(node, role, shape)), "shape": list(shape)}
    return rules, tuple(used)


Reader = Callable[[Node, str, tuple[int, ...]], tuple[Rule | None, tuple[tuple[str, ...], ...]]]
READERS: Final[Mapping[str, Reader]] = {"caffe": caffe.rule_of, "keras": keras.rule_of}


def _default(node: Node, role: str, shape: tuple[int, ...]) -> Rule:
    """What Keras and TensorFlow take where nothing is said: a file without weights is not meant to start from zeros."""
    rule, _ = keras.rule_of(node, role, shape)
    assert rule is not None
    return rule


def _without(node: Node, used: tuple[tuple[str, ...], ...]) -> Node:
    """The node without native fields that were understood."""
    if not used:
        return node
    extras = dict(node.extras)
    for framework, *path in used:
        extras[framework] = _dropped(extras[framework], path)
    return msgspec.structs.replace(node, extras=extras)


def _dropped(data: Any, path: Sequence[str]) -> dict[str, Attr]:
    """The data without what lies at the end of a path, nor messages that are empty then."""
    head, *rest = path
    left = dict(data)
    inner = _dropped(left[head], rest) if rest and head in left else {}
    if inner:
        left[head] = inner
    else:
        left.pop(head, None)
    return left


INITIAL_VALUES: Final = Pass("initial_values", initial_values, requires=frozenset({SHAPED}))
