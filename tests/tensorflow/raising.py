"""How far graphs are raised: layers, single ops that only TensorFlow has, and ops that nothing is known of.

    python -m tests.tensorflow.raising [FILE...]      (.pbtxt, .pb; without files: the corpus)

One line a file: the nodes in the file, the layers in the raised graph, and what stayed single ops, by type. A layer is
what Caffe or Keras have a word for, too; inputs and stored arrays are none. Single ops are typed (their shapes and
meaning are known) unless they are opaque. Where the real TensorFlow was recorded, shapes and total of parameters are
compared, too.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from pathlib import Path

import msgspec

from tests.tensorflow.graphs import CORPUS
from tests.tensorflow.recorded import Agreement, Shapes, agreement, recorded, tensorflow_shapes
from tests.tensorflow.same_net import count_parameters
from transpiler.diagnostics import Sink
from transpiler.dialects.tensorflow.graph_def import GraphDef
from transpiler.dialects.tensorflow.read_binary import read_binary
from transpiler.dialects.tensorflow.read_text import read_text
from transpiler.driver.reference import all_pages
from transpiler.ir import Graph
from transpiler.ops.core import Constant, Input, Opaque, Parameter
from transpiler.parsers import textproto
from transpiler.passes.lower.tensorflow import lower_graph


class Raised(msgspec.Struct, frozen=True):
    """One graph, before and after."""

    nodes: int
    """In the file, with the bodies of its functions."""
    layers: int
    single: Counter[str]
    """Typed ops that no other framework has a word for."""
    opaque: Counter[str]
    parameters: int
    shapes: Agreement


@cache
def layer_ops() -> frozenset[str]:
    """The ops that Caffe or Keras have a word for."""
    pages = all_pages()
    return frozenset(
        page.name for page in pages if any(one.framework in ("caffe", "keras") for one in page.spellings)
    )


def nodes_of(file: GraphDef) -> int:
    """How many nodes a file has."""
    return len(file.nodes) + sum(len(function.nodes) for function in file.functions.values())


def counted(graph: Graph, nodes: int, shapes: Shapes | None) -> Raised:
    """What a raised graph consists of."""
    ops = [node.op for node in graph.nodes if not isinstance(node.op, (Input, Parameter, Constant))]
    opaque = Counter(op.type for op in ops if isinstance(op, Opaque))
    typed = [op.name for op in ops if not isinstance(op, Opaque)]
    single = Counter(name for name in typed if name not in layer_ops())
    return Raised(
        nodes,
        len(typed) - single.total(),
        single,
        opaque,
        count_parameters(graph),
        agreement(graph, shapes or {}),
    )


def raised(path: Path) -> Raised:
    """What became of a file. Raises CompileError when it cannot be read."""
    sink = Sink()
    if path.suffix == ".pb":
        file = read_binary(path.read_bytes(), sink)
    else:
        file = read_text(textproto.parse(path.read_text("utf-8"), path.name), sink)
    graph = lower_graph(file, path.stem, sink).graph("")
    sink.raise_if_errors()
    return counted(graph, nodes_of(file), tensorflow_shapes(path) if path.suffix == ".pbtxt" else None)


def described(made: Raised, total: int | None) -> str:
    """One line of the report. `total`: the recorded number of parameters."""
    said = [f"{made.nodes} nodes, {made.layers} layers", f"single {dict(made.single.most_common())}"]
    said.append(f"opaque {dict(made.opaque.most_common())}")
    if made.shapes.compared:
        said.append(f"{made.shapes.compared} shapes compared, {len(made.shapes.wrong)} wrong")
    if total is not None:
        said.append(f"{made.parameters} parameters, {total} recorded")
    return "; ".join(said)


def main(arguments: list[str]) -> int:
    paths = [Path(name) for name in arguments] or sorted(CORPUS.glob("*.pbtxt"))
    sums: Counter[str] = Counter()
    for path in paths:
        made, total = raised(path), recorded("tensorflow", path.stem).get("total")
        sys.stdout.write(f"{path.name}: {described(made, total)}\n")
        sums.update({"nodes": made.nodes, "layers": made.layers, "single": made.single.total()})
        sums.update({"opaque": made.opaque.total(), "shapes compared": made.shapes.compared})
        sums.update(
            {"shapes wrong": len(made.shapes.wrong), "totals wrong": total not in (None, made.parameters)}
        )
    sys.stdout.write(f"{len(paths)} files: {', '.join(f'{count} {what}' for what, count in sums.items())}\n")
    return 1 if sums["shapes wrong"] or sums["totals wrong"] else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
