"""What training's side of a graph says of layers: dropout, and the momentum of moving averages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from transpiler.dialects.tensorflow.functions import FlatGraph, FlatNode, Tensor
from transpiler.dialects.tensorflow.ops_table import BRANCHES, MERGES, UNIFORM
from transpiler.passes.lower.tensorflow_view import NOWHERE, View

DROPOUT: Final = "Dropout"
"""The type of nodes that stand for a recognised dropout: of x, and perhaps the shape of its noise; attribute `rate`."""


class Drop(msgspec.Struct, frozen=True):
    """What a dropout reads, its rate, and the tensor that holds the shape of its noise."""

    x: Tensor
    rate: float
    noise: Tensor | None = None


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
        drop = _seen_from(drops.get(trained), testing, training)
        if drop is not None and testing.resolve(drop.x) == testing.resolve(tensor) != trained:
            made[tensor] = _add(flat, tensor[0], drop)
    for tensor, drop in drops.items():
        if tensor not in testing.dead and tensor not in made:
            made[tensor] = _add(flat, tensor[0], drop)
    flat.aliases.update(made)
    return bool(made)


def _seen_from(drop: Drop | None, testing: View, training: View) -> Drop | None:
    """The same dropout of what x is before the switches that lead to training's side."""
    if drop is None:
        return None
    behind: Tensor | None = drop.x
    for _ in range(16):
        if behind is None or testing.resolve(behind) != NOWHERE:
            break
        behind = training.step(behind)
    noise = drop.noise
    if noise is not None and testing.resolve(noise) == NOWHERE:
        shape = training.node(noise)
        read = shape.inputs if shape is not None and shape.op == "Shape" else ()
        if [training.resolve(tensor) for tensor in read] != [training.resolve(drop.x)]:
            return None
        noise = None
    return None if behind is None else Drop(behind, drop.rate, noise)


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
    inputs = (drop.x,) if drop.noise is None else (drop.x, drop.noise)
    flat.nodes.setdefault(
        name, FlatNode(name, DROPOUT, inputs, {"rate": drop.rate}, span=flat.nodes[at].span)
    )
    return name, 0


def _dropout(view: View, node: FlatNode) -> Drop | None:
    if node.op == "Mul" and len(node.inputs) == 2:
        for kept, mask in (node.inputs, node.inputs[::-1]):
            rate = _mask_rate(view, mask)
            if rate is not None:
                return _scaled(view, kept, *rate)
    if node.op in ("SelectV2", "Select") and len(node.inputs) == 3 and view.number(node.inputs[2]) == 0:
        rate = _mask_rate(view, node.inputs[0])
        return None if rate is None else _scaled(view, node.inputs[1], *rate)
    return None


def _scaled(view: View, tensor: Tensor, rate: float, noise: Tensor) -> Drop | None:
    """x of x / keep or x * (1 / keep)."""
    node = view.node(tensor)
    if node is None or len(node.inputs) != 2 or rate >= 1:
        return None
    for x, factor in (node.inputs, node.inputs[::-1]):
        number = view.number(factor)
        if number is None:
            continue
        if node.op in ("RealDiv", "Div") and factor == node.inputs[1] and abs(number - (1 - rate)) < 1e-6:
            return Drop(x, rate, noise)
        if node.op == "Mul" and abs(number * (1 - rate) - 1) < 1e-6:
            return Drop(x, rate, noise)
    return None


def _mask_rate(view: View, tensor: Tensor) -> tuple[float, Tensor] | None:
    """The rate of a mask, and the shape of its noise."""
    node = view.node(tensor)
    if node is not None and node.op == "Cast" and node.inputs:
        node = view.node(node.inputs[0])
    if node is None:
        return None
    if node.op == "GreaterEqual" and len(node.inputs) == 2:
        rate, noise = view.number(node.inputs[1]), _noise(view, node.inputs[0])
        return None if rate is None or noise is None or not 0 <= rate <= 1 else (_decimal(rate), noise)
    if node.op == "Floor" and node.inputs:
        total = view.node(node.inputs[0])
        if total is not None and total.op in ("Add", "AddV2") and len(total.inputs) == 2:
            for keep, noise in (total.inputs, total.inputs[::-1]):
                share = view.number(keep)
                shape = _noise(view, noise)
                if share is not None and 0 <= share <= 1 and shape is not None:
                    return _decimal(1 - share), shape
    return None


def _noise(view: View, tensor: Tensor, depth: int = 0) -> Tensor | None:
    """The shape of uniform numbers from 0 to 1 (the generator's, times 1, plus 0); None for anything else."""
    node = view.node(tensor)
    if node is None or depth > 4:
        return None
    if node.op in UNIFORM:
        return node.inputs[0] if node.inputs else None
    neutral = {"Mul": 1.0, "Add": 0.0, "AddV2": 0.0}.get(node.op)
    if neutral is None or len(node.inputs) != 2:
        return None
    for rest, number in (node.inputs, node.inputs[::-1]):
        if _computed(view, number) == neutral:
            return _noise(view, rest, depth + 1)
    return None


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


class Average(msgspec.Struct, frozen=True):
    """A moving average: the variable that keeps it, and the share of the old average that is kept."""

    variable: str
    momentum: float


def averages(view: View) -> dict[Tensor, Average]:
    """What each moving average is the average of: variable -= (variable - statistic) * (1 - momentum)."""
    found: dict[Tensor, Average] = {}
    for node in view.flat.nodes.values():
        if node.op not in ("AssignSub", "AssignSubVariableOp") or len(node.inputs) < 2:
            continue
        step = view.node(node.inputs[1])
        if step is None or step.op != "Mul" or len(step.inputs) != 2:
            continue
        for difference, decay in (step.inputs, step.inputs[::-1]):
            number, change = _computed(view, decay), view.node(difference)
            if number is None or not 0 <= number <= 1 or change is None or change.op != "Sub":
                continue
            variable = view.resolve(node.inputs[0])
            if len(change.inputs) == 2 and view.resolve(change.inputs[0]) == variable:
                found[view.resolve(change.inputs[1])] = Average(variable[0], _decimal(1 - number))
    return found
