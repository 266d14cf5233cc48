"""What the real TensorFlow says of the corpus: shapes of tensors, totals of parameters.

Most was recorded; of files without a record TensorFlow is asked, if it is installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from tests.tensorflow.graphs import SHARED
from transpiler.ir import Graph
from transpiler.ir.types import Dim, agree


def recorded(folder: str, name: str) -> dict[str, Any]:
    """The record of a file; empty if there is none."""
    path = SHARED / "oracle" / folder / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


Shapes: TypeAlias = Mapping[str, Sequence[Sequence[Dim] | None]]
"""Node -> the shapes of its results; None where not even the rank is known."""


def tensorflow_shapes(path: Path) -> Shapes | None:
    """The shapes that TensorFlow infers for a graph as text; None if it does not import it, or cannot be asked."""
    said = recorded("graphdef", path.stem)
    if said:
        shapes: Shapes | None = said.get("shapes")
        return shapes
    try:
        import tensorflow as tf
        from google.protobuf import text_format
    except ImportError:
        return None
    graph_def = text_format.Parse(path.read_text("utf-8"), tf.compat.v1.GraphDef())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    return {op.name: [_shape(tensor) for tensor in op.outputs] for op in graph.get_operations()}


def _shape(tensor: Any) -> Sequence[Dim] | None:
    """A tensor's shape; that of a handle says nothing of the variable behind it."""
    if tensor.dtype.name == "resource" or tensor.shape.rank is None:
        return None
    sizes: Sequence[Dim] = tensor.shape.as_list()
    return sizes


class Agreement(msgspec.Struct, frozen=True):
    """How the shapes that a graph states compare to TensorFlow's."""

    compared: int
    """Tensors of the file of which both state a rank."""
    wrong: tuple[str, ...]


def agreement(graph: Graph, shapes: Shapes) -> Agreement:
    """Compare every tensor of the graph that is in the file."""
    wrong, compared = [], 0
    for value in graph.values():
        name, _, index = (value.native or ":0").rpartition(":")
        results, stated = shapes.get(name, ()), value.type.shape
        theirs = results[int(index)] if int(index) < len(results) else None
        if theirs is None or stated is None:
            continue
        compared += 1
        if len(theirs) != len(stated) or not all(map(agree, theirs, stated)):
            wrong.append(f"{value.native}: {stated} against {theirs}")
    return Agreement(compared, tuple(wrong))
