"""What Caffe has besides what its files say: copies of blobs that several layers read, and frozen parameters.

Source: `InsertSplits` and `SplitBlobName` of BVLC Caffe 1.0; `lr_mult` of caffe.proto.
"""

from __future__ import annotations

from typing import Any

from transpiler.ir import Graph, Node, Value


def copy_names(graph: Graph, layer: str, top: int, value: Value) -> tuple[str, ...]:
    """The blobs that Caffe makes of a layer's top when it has several readers; none when it has one."""
    count = len(graph.uses.get(value, ())) + _is_loss(graph.producers[value], top)
    return tuple(f"{value.native}_{layer}_{top}_split_{i}" for i in range(count)) if count > 1 else ()


def _is_loss(node: Node, top: int) -> bool:
    """Whether the top adds to the loss by a weight that the file gives, which Caffe counts as a reader."""
    weights: Any = node.native("caffe").get("loss_weight", ())
    return isinstance(weights, (list, tuple)) and top < len(weights) and bool(weights[top])


def frozen_arrays(node: Node) -> frozenset[int]:
    """Which of a layer's arrays, by place, have a learning rate of 0."""
    specs: Any = node.native("caffe").get("param", ())
    if not isinstance(specs, (list, tuple)):
        return frozenset()
    return frozenset(i for i, spec in enumerate(specs) if isinstance(spec, dict) and spec.get("lr_mult") == 0)
