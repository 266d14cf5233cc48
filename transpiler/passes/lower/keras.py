"""Lowering of Keras: a model's JSON of any generation as a module with one graph."""

from __future__ import annotations

from transpiler.diagnostics import CompileError, Sink
from transpiler.dialects.keras.model import KerasModel
from transpiler.dialects.keras.reader import read_model
from transpiler.ir import Graph, Module
from transpiler.ir.attributes import Attr
from transpiler.passes.lower.keras_graph import GraphLowering
from transpiler.syntax.json import JsonValue


def lower(document: JsonValue, name: str, sink: Sink) -> Module:
    """The module that a model's JSON means; whatever is wrong goes to the sink. `name` serves a model without one."""
    try:
        model = read_model(document, sink)
    except CompileError:
        return Module(name, "keras", {"": Graph(name, (), ())})
    return lower_model(model, sink)


def lower_model(model: KerasModel, sink: Sink) -> Module:
    """The module that a model means."""
    graph = GraphLowering(sink).run(model)
    extras: dict[str, Attr] = {"compile_config": dict(model.compile_config)} if model.compile_config else {}
    return Module(model.name, "keras", {"": graph}, {"keras": extras})
