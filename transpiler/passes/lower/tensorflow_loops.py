"""Loops of both ages as one thing: variables with a first, a next and a last value, and how often it goes round.

Dataflow loops (Enter, Merge, Switch, NextIteration, Exit) and While-nodes with functions say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Final

import msgspec

from transpiler.dialects.tensorflow.functions import FlatNode, Tensor
from transpiler.dialects.tensorflow.ops_table import MERGES, NEXTS, SWITCHES, VARIABLES
from transpiler.passes.lower.tensorflow_order import Loop
from transpiler.passes.lower.tensorflow_view import View


class Variable(msgspec.Struct, frozen=True):
    """What goes round: `now` as the body reads it, `test` as the condition does, `last` after the loop."""

    first: Tensor
    now: Tensor
    test: Tensor
    next: Tensor
    last: Tensor


class Form(msgspec.Struct, frozen=True):
    """A loop. Whatever else its body reads does not change."""

    name: str
    variables: tuple[Variable, ...]
    condition: Tensor
    inside: Callable[[str], bool]
    """Whether a node belongs to the loop."""


def of_dataflow(loop: Loop, view: View) -> Form | None:
    """The form of a loop of Merge and Switch nodes; None if it is nested, or not built like one."""
    nodes = {node.name: node for node in loop.nodes}
    switches: dict[Tensor, tuple[FlatNode, Tensor]] = {}
    for node in loop.nodes:
        if node.op in SWITCHES and len(node.inputs) == 2:
            data, condition = view.inputs(node)
            if data in switches:
                return None
            switches[data] = node, condition
    conditions = {condition for _, condition in switches.values()}
    variables = []
    for node in loop.nodes:
        if node.op in MERGES:
            made = _merged(node, nodes, switches, view)
            if made is None:
                return None
            variables.append(made)
    if len(conditions) != 1 or len(variables) != len(switches):
        return None
    return Form(loop.name, tuple(variables), conditions.pop(), nodes.__contains__)


def _merged(
    node: FlatNode,
    nodes: Mapping[str, FlatNode],
    switches: Mapping[Tensor, tuple[FlatNode, Tensor]],
    view: View,
) -> Variable | None:
    inputs, merged = view.inputs(node), (node.name, 0)
    if len(inputs) != 2 or merged not in switches:
        return None
    first, back = inputs
    again = nodes.get(back[0])
    if again is None or again.op not in NEXTS or first[0] in nodes:
        return None
    switch = switches[merged][0].name
    return Variable(first, (switch, 1), merged, view.inputs(again)[0], (switch, 0))


def of_function(node: FlatNode, view: View) -> Form | None:
    """The form of a While-node whose functions the file has."""
    body = view.flat.loops.get(node.name)
    if body is None:
        return None
    variables = []
    for i, (first, result) in enumerate(zip(node.inputs, body.results, strict=True)):
        own = (body.variables, i)
        if own not in view.flat.aliases:
            variables.append(Variable(view.resolve(first), own, own, view.resolve(result), (node.name, i)))
    return Form(node.name, tuple(variables), view.resolve(body.condition), view.flat.inside.__contains__)


def bounds(form: Form, view: View, counters: Mapping[Tensor, Variable]) -> list[Tensor] | None:
    """What the counters are compared with; None if the condition is not that each of some is less than a bound."""
    found: list[Tensor] = []
    queue = [form.condition]
    while queue:
        node = view.node(queue.pop())
        if node is None or len(found) > len(form.variables):
            return None
        inputs = view.inputs(node)
        if node.op == "LogicalAnd" and len(inputs) == 2:
            queue.extend(inputs)
        elif node.op == "Less" and len(inputs) == 2 and inputs[0] in counters:
            found.append(inputs[1])
        else:
            return None
    return found


def live(form: Form, view: View, read: Iterable[Variable]) -> list[Variable] | None:
    """The variables that those which are read after the loop depend on, in order; None if a step is too large.

    What goes round for the sake of gradients alone is not among them.
    """
    by_now = {one.now: one for one in form.variables}
    found: set[Variable] = set()
    queue = list(read)
    seen: set[str] = set()
    while queue:
        one = queue.pop()
        if one in found:
            continue
        found.add(one)
        tensors = [one.next]
        while tensors:
            tensor = tensors.pop()
            node = view.flat.nodes.get(tensor[0])
            if tensor in by_now:
                queue.append(by_now[tensor])
            elif node is not None and node.name not in seen and form.inside(node.name):
                seen.add(node.name)
                tensors.extend(view.inputs(node))
        if len(seen) > MOST_NODES:
            return None
    return [one for one in form.variables if one in found]


def within(
    form: Form, view: View, wanted: Iterable[Tensor], given: Set[Tensor], leaves: Set[str]
) -> list[FlatNode] | None:
    """The nodes that tensors are computed from, each after what it reads; None if there are too many.

    Some of them may stand before the loop: parts of arrays that every step reads.

    `given`: tensors that need no node. What nodes of the types `leaves` read is not looked at.
    """
    found: dict[str, FlatNode] = {}
    stack: list[tuple[str, bool]] = [(tensor[0], False) for tensor in wanted if tensor not in given]
    seen: set[str] = set()
    outside = 0
    while stack:
        name, done = stack.pop()
        node = view.flat.nodes.get(name)
        if node is None:
            continue
        if done:
            found[name] = node
        elif name not in seen:
            seen.add(name)
            outside += not (form.inside(name) or node.op in VARIABLES or node.op == "Const")
            if len(seen) > MOST_NODES or outside > MOST_OUTSIDE:
                return None
            stack.append((name, True))
            if node.op not in leaves:
                stack.extend((tensor[0], False) for tensor in view.inputs(node) if tensor not in given)
    return list(found.values())


MOST_NODES: Final = 4000
"""A step of more nodes is not looked at."""
MOST_OUTSIDE: Final = 64
"""So many nodes before the loop, besides constants and variables, may compute what every step reads."""
