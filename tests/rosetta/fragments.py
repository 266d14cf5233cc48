"""Fragments of files: the layers of one case, read into the graph and written from it.

A case's graph begins with its inputs (`%x = input() …`); all lines after them are what it is about. A fragment of Caffe
is the text of the layers, one of Keras the JSON of a layer (a list of several). In it `"%x"` stands for a tensor, and
`inbound_nodes` is left out where the layer is simply called on its operands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from transpiler.diagnostics import Severity, Sink
from transpiler.dialects.caffe.dialect import CAFFE
from transpiler.dialects.keras.dialect import KERAS3
from transpiler.dialects.keras.dialect_keras2 import KERAS2
from transpiler.dialects.rows import Refusal
from transpiler.emitters.caffe import emit
from transpiler.emitters.keras import write
from transpiler.ir import Graph, Module, Node, Origin, Value
from transpiler.ir.text.printer import print_node
from transpiler.ops.core import Input
from transpiler.parsers import irtext
from transpiler.parsers import json as json_parser
from transpiler.parsers import textproto as textproto_parser
from transpiler.passes.lower import caffe as lower_caffe
from transpiler.passes.lower import irtext as lower_ir
from transpiler.passes.lower import keras as lower_keras
from transpiler.syntax.textproto import Message, print_textproto

WIDTH = 100


class Unsupported(Exception):
    """The framework has no exact form; the message is the reason that its dialect gives."""


def graph_of(text: str) -> Graph:
    """The graph of an `ir` block: its lines, returning whatever the last one gives."""
    last = [line for line in text.splitlines() if line.startswith("%") or "(" in line][-1]
    results = last.partition(" = ")[0] if last.startswith("%") else ""
    sink = Sink()
    module = lower_ir.lower(irtext.parse(f"{text}\nreturn {results}"), "case", sink)
    sink.raise_if_errors()
    return module.graph("")


def inputs_of(graph: Graph) -> list[Node]:
    """The inputs that a case begins with: what it is applied to (nothing, if it is itself about an input)."""
    count = next((i for i, node in enumerate(graph.nodes) if not isinstance(node.op, Input)), 0)
    return list(graph.nodes[:count])


def lines_of(graph: Graph, without: Sequence[str]) -> list[str]:
    """The nodes that a case is about, as text, without what tells where they came from."""
    return [print_node(_plain(node)) for node in graph.nodes if node.name not in without]


def _plain(node: Node) -> Node:
    results = tuple(Value(value.name) for value in node.results)
    return Node(node.name, node.op, node.operands, results, Origin(node.name, node.op.name))


def read_fragment(framework: str, text: str, inputs: Sequence[Node]) -> Graph:
    """The graph of a fragment, inputs included. Raises CompileError when it has errors."""
    sink = Sink()
    if framework == "caffe":
        module = lower_caffe.lower(textproto_parser.parse(_caffe_inputs(inputs) + text), "case", sink)
    else:
        document = _document(json.loads(text), inputs, framework)
        module = lower_keras.lower(json_parser.parse(json.dumps(document)), "case", sink)
    sink.raise_if_errors()
    assert not [one for one in sink.diagnostics if one.severity is Severity.WARNING], sink.diagnostics
    return module.graph("")


def write_fragment(framework: str, graph: Graph) -> str:
    """The text of a case's nodes in a framework. Raises Unsupported."""
    given = {node.name for node in inputs_of(graph)}
    nodes = [node for node in graph.nodes if node.name not in given]
    for node in nodes:
        spelled = {"caffe": CAFFE, "keras3": KERAS3, "keras2": KERAS2}[framework].spell(node)
        if isinstance(spelled, Refusal):
            raise Unsupported(spelled.reason)
    module = Module("case", "ir", {"": graph})
    if framework == "caffe":
        kept = [layer for layer in emit(_with_blobs(module)).all("layer") if _name(layer.value) not in given]
        return print_textproto(Message(tuple(kept)))
    result = write(module, 2 if framework == "keras2" else 3)
    if result.losses:
        raise Unsupported(result.losses[0].what)
    layers = [layer for layer in result.document["config"]["layers"] if _layer_name(layer) not in given]
    made = [_compact(layer, framework) for layer in layers]
    if not made:
        raise Unsupported("it is no layer, but stands in the calls of the layers that read it")
    return pretty(made[0] if len(made) == 1 else made)


def _with_blobs(module: Module) -> Module:
    """Values named in the source as they are here, which is how a Caffe file names its blobs."""
    graph = module.graph("")
    now = {value: msgspec.structs.replace(value, native=value.name) for value in graph.values()}
    nodes = tuple(
        msgspec.structs.replace(
            node,
            operands=tuple(now[value] for value in node.operands),
            results=tuple(now[value] for value in node.results),
        )
        for node in graph.nodes
    )
    return msgspec.structs.replace(
        module, graphs={"": Graph("", nodes, tuple(now[value] for value in graph.outputs))}
    )


def _name(layer: Any) -> object:
    return layer.last("name").value.value


def _caffe_inputs(inputs: Sequence[Node]) -> str:
    parts = []
    for node in inputs:
        dims = " ".join(f"dim: {dim}" for dim in node.result.type.shape or ())
        parts.append(
            f'layer {{ name: "{node.name}" type: "Input" top: "{node.name}" '
            f"input_param {{ shape {{ {dims} }} }} }}\n"
        )
    return "".join(parts)


def _layer_name(layer: Mapping[str, Any]) -> object:
    return layer.get("name", layer["config"]["name"])


def _compact(layer: Mapping[str, Any], framework: str) -> dict[str, Any]:
    """A layer without what its place in the model says."""
    config = {key: value for key, value in layer["config"].items() if key != "name"}
    kept: dict[str, Any] = {"class_name": layer["class_name"], "config": config}
    if layer.get("module", "keras.layers") != "keras.layers":
        kept = {"module": layer["module"], **kept}
    calls = _map(layer.get("inbound_nodes", []), _short_tensor)
    if calls and calls != _plain_calls(_tensors(calls), framework):
        kept["inbound_nodes"] = calls
    return kept


def _document(layers: Any, inputs: Sequence[Node], framework: str) -> dict[str, Any]:
    """A functional model of the fragment's layers, called one after another on the inputs."""
    shape_key = "batch_shape" if framework == "keras3" else "batch_input_shape"
    made: list[dict[str, Any]] = []
    for node in inputs:
        given: dict[str, Any] = {
            "name": node.name,
            shape_key: node.result.type.shape,
            "dtype": _DTYPES[node.result.type.dtype.value],
        }
        made.append({"class_name": "InputLayer", "name": node.name, "config": given, "inbound_nodes": []})
    operands = [node.name for node in inputs]
    listed = layers if isinstance(layers, list) else [layers]
    for i, layer in enumerate(listed):
        name = "y" if i == 0 else f"y{i}"
        tensors = [f"%{operand}" for operand in operands]
        calls = layer.get("inbound_nodes", _plain_calls(tensors, framework) if operands else [])
        expanded = _map(calls, _long_tensor3 if framework == "keras3" else _long_tensor2)
        made.append(
            {**layer, "name": name, "config": {**layer["config"], "name": name}, "inbound_nodes": expanded}
        )
        operands = [name]
    config: dict[str, Any] = {
        "name": "case",
        "layers": made,
        "input_layers": [[node.name, 0, 0] for node in inputs] or [["y", 0, 0]],
        "output_layers": [[operands[0], 0, 0]],
    }
    version = {} if framework == "keras3" else {"keras_version": "2.15.0", "backend": "tensorflow"}
    return {"class_name": "Functional", "config": config, **version}


_DTYPES = {
    "f32": "float32",
    "f16": "float16",
    "f64": "float64",
    "i32": "int32",
    "i64": "int64",
    "bool": "bool",
}


def _plain_calls(tensors: Sequence[str], framework: str) -> list[Any]:
    if framework == "keras3":
        return [{"args": [tensors[0] if len(tensors) == 1 else list(tensors)], "kwargs": {}}]
    return [list(tensors)]


def _tensors(calls: Any) -> list[str]:
    """All tensors of a compact call, in order."""
    match calls:
        case str() if calls.startswith("%"):
            return [calls]
        case list():
            return [tensor for item in calls for tensor in _tensors(item)]
        case dict():
            return [tensor for item in calls.values() for tensor in _tensors(item)]
        case _:
            return []


def _map(item: Any, change: Callable[[Any], Any]) -> Any:
    """The same structure with `change` applied outside in; what it answers other than None is kept as it is."""
    changed = change(item)
    if changed is not None:
        return changed
    match item:
        case list():
            return [_map(one, change) for one in item]
        case dict():
            return {key: _map(one, change) for key, one in item.items()}
        case _:
            return item


def _short_tensor(item: Any) -> Any:
    match item:
        case {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}:
            return f"%{name}"
        case [str(name), 0, 0] | [str(name), 0, 0, {}] if isinstance(item, list) and (
            len(item) == 3 or not item[3]
        ):
            return f"%{name}"
        case [str(name), 0, 0, dict(kwargs)]:
            return [f"%{name}", _map(kwargs, _short_tensor)]
        case _:
            return None


def _long_tensor3(item: Any) -> Any:
    if isinstance(item, str) and item.startswith("%"):
        return {"class_name": "__keras_tensor__", "config": {"keras_history": [item[1:], 0, 0]}}
    return None


def _long_tensor2(item: Any) -> Any:
    match item:
        case [str(name), dict(kwargs)] if name.startswith("%"):
            return [name[1:], 0, 0, _map(kwargs, _long_inside2)]
        case str(name) if name.startswith("%"):
            return [name[1:], 0, 0, {}]
        case _:
            return None


def _long_inside2(item: Any) -> Any:
    return [item[1:], 0, 0] if isinstance(item, str) and item.startswith("%") else None


def pretty(value: Any, indent: str = "") -> str:
    """JSON on one line where it fits, else an entry a line."""
    line = json.dumps(value)
    if len(indent) + len(line) <= WIDTH or not isinstance(value, (dict, list)):
        return line
    deeper = f"{indent}  "
    if isinstance(value, list):
        items = [pretty(item, deeper) for item in value]
        return "[\n" + ",\n".join(deeper + item for item in items) + f"\n{indent}]"
    entries = [f"{json.dumps(key)}: {pretty(item, deeper)}" for key, item in value.items()]
    return "{\n" + ",\n".join(deeper + entry for entry in entries) + f"\n{indent}}}"
