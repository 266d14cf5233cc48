"""Which numbers go into which blobs of a written Caffe net."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from transpiler.dialects.caffe.dialect import CAFFE, spelled_arrays
from transpiler.dialects.rows import Array, ArrayUse, Refusal, array_uses
from transpiler.emitters.caffe_layer import layer_name
from transpiler.ir import Constant, Module, ParamUse
from transpiler.ops.normalization import BatchNorm
from transpiler.weights.plan import LayerPlan

_FACTOR: Final = ArrayUse(ParamUse("factor", "", constant=Constant(1.0)), Array("factor"), (1,))
"""The number that Caffe divides a BatchNorm's mean and variance by."""


def weight_plan(module: Module) -> Iterator[LayerPlan]:
    """The layers that have weights, each once, in the order of the net."""
    seen: set[str] = set()
    for graph in module.graphs.values():
        for node in graph.nodes:
            spelled = CAFFE.spell(node) if node.op.roles else Refusal("no arrays")
            name = layer_name(node)
            if isinstance(spelled, Refusal) or name in seen:
                continue
            seen.add(name)
            row, native = spelled
            arrays = array_uses(node, spelled_arrays(node, row, native))
            more = (_FACTOR,) if isinstance(node.op, BatchNorm) else ()
            yield LayerPlan(name, native.type, (*arrays, *more))
