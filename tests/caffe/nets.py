"""Reading nets for tests: text to module, shapes by blob, and text again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from transpiler.diagnostics import Diagnostic, Severity, Sink
from transpiler.dialects.caffe.dialect import native_parameters
from transpiler.emitters.caffe import emit
from transpiler.ir import Graph, Module, Shape
from transpiler.parsers.textproto import parse
from transpiler.passes.bind_inputs import bind_inputs
from transpiler.passes.infer_shapes import infer_shapes
from transpiler.passes.lower.caffe import lower
from transpiler.passes.manager import Context
from transpiler.syntax.textproto import print_textproto

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CORPUS = SHARED / "corpus" / "caffe"
ORACLE = SHARED / "oracle" / "caffe"
KIT = SHARED / "oracle" / "caffe_layers"
DATA = Path(__file__).resolve().parents[1] / "data" / "caffe"


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def read(text: str, **wishes: object) -> tuple[Module, list[Diagnostic]]:
    """A module and everything that reading said."""
    sink = Sink()
    module = lower(parse(text), "net", sink, **wishes)  # type: ignore[arg-type]  # the names are lower's own
    return module, list(sink.diagnostics)


def module_of(text: str) -> Module:
    """A module of a text that has no errors."""
    module, said = read(text)
    assert errors(said) == []
    return module


def written(module: Module) -> str:
    return print_textproto(emit(module))


def errors(said: list[Diagnostic]) -> list[str]:
    return [str(one) for one in said if one.severity is Severity.ERROR]


def shaped(graph: Graph, input_shapes: Mapping[str, Shape] | None = None) -> tuple[Graph, list[Diagnostic]]:
    """A graph with its inputs bound and every shape inferred."""
    context = Context(Sink(), input_shapes=input_shapes or {})
    graph = infer_shapes(bind_inputs(graph, context), context)
    return graph, list(context.sink.diagnostics)


def blobs(graph: Graph) -> dict[str | None, Shape | None]:
    """The shape of every blob; one that was changed in place has its last."""
    return {value.native: value.type.shape for value in graph.values()}


def parameters(graph: Graph) -> dict[str, list[Shape]]:
    """The learned arrays of every layer, as Caffe stores them."""
    return {
        node.origin.layer: list(native_parameters(node).values()) for node in graph.nodes if node.op.roles
    }
