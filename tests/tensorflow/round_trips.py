"""Networks written as GraphDef, read, written and read again: both readings must be the same IR.

    python -m tests.tensorflow.round_trips FILE...      (.pbtxt, .pb, .prototxt, .json)

A file of another framework is written as GraphDef first, with the input shapes that a real Caffe was given where they
are recorded, else with those of the data set that it names. One line a file; the last line counts. What GraphDef cannot
say, and the names, are as in `same_net`; and

- whether a tensor of fixed numbers is learned is not written;
- a reshape to a vector is how flattening is written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.tensorflow.graphs import SHARED
from tests.tensorflow.same_net import alike
from transpiler.diagnostics import CompileError, Severity, Sink
from transpiler.driver.convert import target_named
from transpiler.driver.legal import legal_module
from transpiler.driver.options import Options
from transpiler.driver.reading import read_module
from transpiler.driver.running import one_phase
from transpiler.driver.trace import Trace
from transpiler.emitters.tensorflow import emit
from transpiler.ir import Graph, Module, Node, Shape, Value
from transpiler.ir.equality import graph_difference
from transpiler.ir.rewriting import Rewriter, rewrite
from transpiler.ir.types import product
from transpiler.ops.core import Constant, Opaque, Parameter
from transpiler.ops.elementwise import Multiply
from transpiler.ops.normalization import Scale
from transpiler.ops.shape import Flatten, Reshape
from transpiler.parsers import textproto
from transpiler.passes.lower.tensorflow import lower

TENSORFLOW = (".pbtxt", ".pb")
_PAIRS: dict[str, Shape] = {"pair_data": (100, 2, 28, 28)}
_PICTURE, _WORDS = (1, 3, 500, 500), (20, 100)
DATA_SETS: dict[str, dict[str, Shape]] = {
    "bvlc_hist_gan_generator": {"noise": (64, 128)},
    "bvlc_hist_mnist_siamese_v1": _PAIRS,
    "bvlc_mnist_mnist_autoencoder": {"data": (100, 1, 28, 28)},
    "bvlc_siamese_mnist_siamese_train_test": _PAIRS,
    "fabrik_CoCo_Caption": {f"{what}_sentence": _WORDS for what in ("input", "cont", "target")},
    "fabrik_HED": {"data": _PICTURE, "label": (1, 1, 500, 500)},
    "fabrik_fcn": {"data": _PICTURE, "label": (1, 1, 500, 500)},
    "fabrik_fcn2": {"color": _PICTURE, "hha": _PICTURE, "label": (1, 1, 500, 500)},
    "fabrik_siamese_mnist": _PAIRS,
}
"""What the data layers of some networks give, which a real Caffe could not tell without the data."""


def read_tensorflow(path: Path) -> Module:
    """A graph of TensorFlow, as bytes or as text."""
    sink = Sink()
    source = (
        path.read_bytes() if path.suffix == ".pb" else textproto.parse(path.read_text("utf-8"), path.name)
    )
    module = lower(source, path.stem, sink)
    sink.raise_if_errors()
    return module


def rewritten(module: Module, options: Options | None = None) -> Module:
    """The module written as GraphDef and read back. Raises CompileError when it has no form there."""
    sink = Sink()
    legal = legal_module(module, target_named("tensorflow"), options or Options(), sink, Trace())
    sink.raise_if_errors()
    made = lower(emit(legal), module.name, sink)
    sink.raise_if_errors()
    return made


def first_reading(path: Path) -> Module:
    """The module of a file's GraphDef; files of other frameworks are written as one first."""
    if path.suffix in TENSORFLOW:
        return read_tensorflow(path)
    sink = Sink()
    module = one_phase(read_module(path, Options(), sink, Trace()), None)
    options = Options(input_shapes=recorded_shapes(path, module.graph("")))
    if options.input_shapes:
        module = one_phase(read_module(path, options, sink, Trace()), None)
    sink.raise_if_errors()
    return rewritten(module, options)


def recorded_shapes(path: Path, graph: Graph) -> dict[str, Shape]:
    """The shapes of what a Caffe net's data layers give, as a real Caffe was given them."""
    record = SHARED / "oracle" / "caffe" / f"{path.stem}.json"
    said = json.loads(record.read_text())["TEST"] if path.suffix == ".prototxt" and record.is_file() else {}
    if not said.get("loaded") or said["how"] == "as-is":
        return DATA_SETS.get(path.stem, {})
    readers = [node for node in graph.nodes if node.origin.layer in said["data_layers_as_input"]]
    tops = [value.native or "" for node in readers for value in node.results]
    return {top: tuple(said["blobs"][top]) for top in tops if top in said["blobs"]}


def comparable(graph: Graph) -> Graph:
    """A graph without what a second writing may say otherwise."""

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        op = node.op
        if isinstance(op, Constant) and op.shape:
            return rewriter.swap(node, Parameter(shape=op.shape, dtype=op.dtype))
        if isinstance(op, Reshape) and _is_flat(node.operands[0].type.shape, node.result.type.shape):
            return rewriter.swap(node, Flatten())
        return _scaled(node, rewriter) if isinstance(op, Multiply) else None

    return alike(rewrite(graph, rule), traced=True)


def _scaled(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
    """A product with a stored vector is a learned factor, if the vector is learned."""
    shape = node.result.type.shape
    if not shape or len(node.operands) != 2:
        return None
    for x, vector in (node.operands, node.operands[::-1]):
        made = rewriter.producer(vector)
        if made is not None and isinstance(made.op, Parameter) and made.op.shape == shape[-1:]:
            return rewriter.swap(node, Scale(axis=len(shape) - 1), (x,))
    return None


def _is_flat(before: Shape | None, after: Shape | None) -> bool:
    """Whether each example of a known size became a vector."""
    if not before or after is None or len(after) != 2 or None in before[1:]:
        return False
    return before[0] == after[0] and product(before[1:]) == after[1]


def opaque_ops(graph: Graph) -> dict[str, int]:
    """How many single ops of each type a graph has."""
    return dict(Counter(node.op.type for node in graph.nodes if isinstance(node.op, Opaque)))


def difference(module: Module) -> str | None:
    """What differs after a round trip; None if nothing does."""
    before, after = module.graph(""), rewritten(module).graph("")
    return graph_difference(comparable(before), comparable(after), names=False)


def outcome(path: Path) -> str:
    """One word, and what there is to say."""
    try:
        module = first_reading(path)
    except CompileError as error:
        return f"unwritten {_first(error)}"
    opaque = opaque_ops(module.graph(""))
    if opaque:
        return f"opaque {opaque}"
    try:
        found = difference(module)
    except CompileError as error:
        return f"REFUSED {_first(error)}"
    return f"equal ({len(module.graph('').nodes)} nodes)" if found is None else f"DIFFERS {found}"


def _first(error: CompileError) -> str:
    said = [one.message for one in error.diagnostics if one.severity is Severity.ERROR]
    return said[0][:300]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tensorflow.round_trips", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    counts: Counter[str] = Counter()
    for path in parser.parse_args(arguments).files:
        said = outcome(path)
        counts[said.split()[0]] += 1
        sys.stdout.write(f"{path.name}: {said}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{dict(sorted(counts.items()))}\n")
    return 0 if counts.keys() <= {"equal", "opaque", "unwritten"} else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
