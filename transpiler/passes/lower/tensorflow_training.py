"""What training's side of a graph says of layers: dropout, and the momentum of moving averages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs
import numpy as np

from transpiler.dialects.tensorflow.functions import FlatGraph, FlatNode, Tensor
from transpiler.dialects.tensorflow.ops_table import BRANCHES, MERGES, UNIFORM
from transpiler.passes.lower.tensorflow_view import View

DROPOUT: Final = "Dropout"
"""The type of nodes that stand for a recognised dropout; their only operand is x, their attribute `rate`."""


@attrs.frozen
class Drop:
    """What a dropout reads, and its rate."""

    x: Tensor
    rate: float


def with_dropout(flat: FlatGraph, testing: View, training: View) -> bool:
    """Put one node in the place of every dropout. Whether there was one: views must then be made anew.

    Proof: the mask is a comparison of uniform numbers with the rate, and the kept elements are divided by the share
    that is kept. A branch on the phase counts when its testing side is what the training side drops from.
    """
    made: dict[Tensor, Tensor] = {}
    drops = {(node.name, 0): drop for node in list(flat.nodes.values()) if (drop := _dropout(training, node))}
    if not drops:
        return False
    for tensor in _choices(flat):
        trained = training.resolve(tensor)
        drop = drops.get(trained)
        if drop is not None and testing.resolve(drop.x) == testing.resolve(tensor) != trained:
            made[tensor] = _add(flat, tensor[0], drop)
    for tensor, drop in drops.items():
        if tensor not in testing.dead and tensor not in made:
            made[tensor] = _add(flat, tensor[0], drop)
    flat.aliases.update(made)
    return bool(made)


def _choices(flat: FlatGraph) -> Iterator[Tensor]:
    """The results that differ between the phases."""
    for node in list(flat.nodes.values()):
        if node.op in MERGES:
            yield node.name, 0
        elif node.op in BRANCHES and node.name in flat.branches:
            for i in range(len(flat.branches[node.name][1])):
                yield node.name, i


def _add(flat: FlatGraph, at: str, drop: Drop) -> Tensor:
    name = f"{at}/{DROPOUT}"
    flat.nodes.setdefault(name, FlatNode(name, DROPOUT, (drop.x,), {"rate": drop.rate}, span=flat.nodes[at].span))
    return name, 0


def _dropout(view: View, node: FlatNode) -> Drop | None:
    if node.op == "Mul" and len(node.inputs) == 2:
        for kept, mask in (node.inputs, node.inputs[::-1]):
            rate = _mask_rate(view, mask)
            if rate is not None:
                return _scaled(view, kept, rate)
    if node.op in ("SelectV2", "Select") and len(node.inputs) == 3 and view.number(node.inputs[2]) == 0:
        rate = _mask_rate(view, node.inputs[0])
        return None if rate is None else _scaled(view, node.inputs[1], rate)
    return None


def _scaled(view: View, tensor: Tensor, rate: float) -> Drop | None:
    """x of x / keep or x * (1 / keep)."""
    node = view.node(tensor)
    if node is None or len(node.inputs) != 2 or rate >= 1:
        return None
    for x, factor in (node.inputs, node.inputs[::-1]):
        number = view.number(factor)
        if number is None:
            continue
        if node.op in ("RealDiv", "Div") and factor == node.inputs[1] and abs(number - (1 - rate)) < 1e-6:
            return Drop(x, rate)
        if node.op == "Mul" and abs(number * (1 - rate) - 1) < 1e-6:
            return Drop(x, rate)
    return None


def _mask_rate(view: View, tensor: Tensor) -> float | None:
    node = view.node(tensor)
    if node is not None and node.op == "Cast" and node.inputs:
        node = view.node(node.inputs[0])
    if node is None:
        return None
    if node.op == "GreaterEqual" and len(node.inputs) == 2 and _is_uniform(view, node.inputs[0]):
        rate = view.number(node.inputs[1])
        return None if rate is None or not 0 <= rate <= 1 else _decimal(rate)
    if node.op == "Floor" and node.inputs:
        total = view.node(node.inputs[0])
        if total is not None and total.op in ("Add", "AddV2") and len(total.inputs) == 2:
            for keep, noise in (total.inputs, total.inputs[::-1]):
                share = view.number(keep)
                if share is not None and 0 <= share <= 1 and _is_uniform(view, noise):
                    return _decimal(1 - share)
    return None


def _is_uniform(view: View, tensor: Tensor, depth: int = 0) -> bool:
    """Uniform numbers from 0 to 1: the generator's, times 1, plus 0."""
    node = view.node(tensor)
    if node is None or depth > 4:
        return False
    if node.op in UNIFORM:
        return True
    neutral = {"Mul": 1.0, "Add": 0.0, "AddV2": 0.0}.get(node.op)
    if neutral is None or len(node.inputs) != 2:
        return False
    for rest, number in (node.inputs, node.inputs[::-1]):
        if _computed(view, number) == neutral:
            return _is_uniform(view, rest, depth + 1)
    return False


def _computed(view: View, tensor: Tensor) -> float | None:
    number = view.number(tensor)
    node = view.node(tensor)
    if number is None and node is not None and node.op == "Sub" and len(node.inputs) == 2:
        high, low = (view.number(item) for item in node.inputs)
        return None if high is None or low is None else high - low
    return number


def _decimal(number: float) -> float:
    """The shortest decimal of a 32-bit float."""
    return float(str(np.float32(number)))


def momenta(view: View) -> dict[str, float]:
    """The variables that are moving averages, and the share of the old average that is kept."""
    found: dict[str, float] = {}
    for node in view.flat.nodes.values():
        if node.op not in ("AssignSub", "AssignSubVariableOp") or len(node.inputs) < 2:
            continue
        step = view.node(node.inputs[1])
        if step is None or step.op != "Mul" or len(step.inputs) != 2:
            continue
        decays = [number for tensor in step.inputs if (number := _computed(view, tensor)) is not None]
        if len(decays) == 1 and 0 <= decays[0] <= 1:
            found[view.resolve(node.inputs[0])[0]] = _decimal(1 - decays[0])
    return found
