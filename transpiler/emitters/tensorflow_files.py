"""Files of TensorFlow: a graph in binary form, with its numbers as constants, and a SavedModel with variables."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from transpiler.diagnostics import CompileError, Diagnostic, Severity
from transpiler.emitters.tensorflow import ELEMENTS, Native, Stored, Written, everything, write
from transpiler.emitters.tensorflow_binary import encode, head_of_constant
from transpiler.emitters.tensorflow_nodes import (
    TYPE_NAMES,
    node_name,
    shape_message,
    tensor_name,
    with_nodes,
)
from transpiler.emitters.tensorflow_saver import collections, saver_def, saving_nodes
from transpiler.ir import LazyArray, Module, Value
from transpiler.ops.core import Input
from transpiler.syntax.textproto import Field, Message
from transpiler.weights.array_bytes import blocks
from transpiler.weights.tensor_bundle import write_bundle
from transpiler.weights.unreadable import Unreadable, diagnosed, file_span
from transpiler.weights.whole_files import replacing

MOST_BYTES: Final = 2**31 - 1
"""Protobuf reads no larger message."""
SIGNATURE: Final = "serving_default"
VERSION: Final = "1.15.0"
"""The version of TensorFlow whose SavedModels these are like."""


def write_graph(module: Module, path: Path, native: Native | None, *, output_shapes: bool = False) -> None:
    """A GraphDef in binary form: frozen if there are numbers, else with variables. One array is in memory at a time.

    Raises CompileError when the file cannot be written, or would be larger than protobuf can read.
    """
    written = write(module, output_shapes=output_shapes, held=None if native is None else everything)
    _check_size(written, path)
    with replacing(path) as beside, beside.open("wb") as file:
        _write(file, written, native)


def _check_size(written: Written, path: Path) -> None:
    size = sum(_bytes(stored) for stored in written.constants)
    if size > MOST_BYTES:
        message = (
            f"a frozen graph with {size} bytes of weights is more than protobuf can read ({MOST_BYTES} bytes)"
        )
        help = "write a SavedModel, which keeps its weights in a file of their own"
        raise CompileError(
            [Diagnostic("T7010", Severity.ERROR, message, file_span(os.fspath(path)), help=help)]
        )


def _bytes(stored: Stored) -> int:
    import numpy as np

    return math.prod(stored.shape) * np.dtype(ELEMENTS[stored.dtype]).itemsize


def _write(file: BinaryIO, written: Written, native: Native | None) -> None:
    """Node by node; the elements of a constant follow its node's head."""
    held = {stored.name: stored for stored in written.constants}
    for field in written.message.fields:
        stored = held.get(node_name(field) or "")
        if stored is None:
            file.write(encode(Message((field,))))
            continue
        assert native is not None
        assert isinstance(field.value, Message)
        file.write(head_of_constant(field.value, _bytes(stored)))
        file.writelines(blocks(stored.numbers(native), ELEMENTS[stored.dtype]))


def write_saved_model(module: Module, path: Path, native: Native) -> None:
    """A SavedModel directory that TensorFlow 1 and 2 load: the graph with one signature, and its variables.

    Raises CompileError when it cannot be written.
    """
    written = write(module)
    beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=_made(path.parent)))
    try:
        (beside / "saved_model.pb").write_bytes(encode(_saved_model(module, written), "SavedModel"))
        arrays = {stored.name: _lazy(stored, native) for stored in written.variables}
        if arrays:
            write_bundle(beside / "variables" / "variables", arrays)
        _moved(beside, path)
    except Unreadable:
        with diagnosed(os.fspath(path)):
            raise
    except OSError as error:
        message = f"the directory cannot be written: {error.strerror or error}"
        raise CompileError(
            [Diagnostic("T7010", Severity.ERROR, message, file_span(os.fspath(path)))]
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _moved(beside: Path, path: Path) -> None:
    """Put every file where it belongs; what else is in the directory stays."""
    for source in sorted(beside.rglob("*"), key=lambda found: found.name == "saved_model.pb"):
        if source.is_file():
            target = path / source.relative_to(beside)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)


def _lazy(stored: Stored, native: Native) -> LazyArray:
    return LazyArray(stored.shape, stored.dtype, partial(stored.numbers, native))


def _saved_model(module: Module, written: Written) -> Message:
    taken = {node_name(field) or "" for field in written.message.fields}
    scope, number = "save", 0
    while any(name == scope or name.startswith(f"{scope}/") for name in taken):
        number += 1
        scope = f"save_{number}"
    fields = [Field.make("meta_info_def", _information())]
    if written.variables:
        graph = with_nodes(written.message, saving_nodes(written.variables, scope))
        fields += [Field.make("graph_def", graph), Field.make("saver_def", saver_def(scope))]
        fields += collections(written.variables)
    else:
        fields.append(Field.make("graph_def", written.message))
    fields.append(_entry("signature_def", SIGNATURE, _signature(module, written)))
    meta = Field.make("meta_graphs", Message(tuple(fields)))
    return Message((Field.make("saved_model_schema_version", 1), meta))


def _information() -> Message:
    return Message((Field.make("tags", "serve"), Field.make("tensorflow_version", VERSION)))


def _entry(field: str, key: str, value: Message) -> Field:
    return Field.make(field, Message((Field.make("key", key), Field.make("value", value))))


def _signature(module: Module, written: Written) -> Message:
    """Inputs and outputs by the names of the network's own tensors."""
    (graph,) = module.graphs.values()
    given = {
        (node.result.native or node.result.name): node.result
        for node in graph.nodes
        if isinstance(node.op, Input)
    }
    fields = [
        _entry("inputs", name, _information_of(written.inputs[name], value)) for name, value in given.items()
    ]
    names: set[str] = set()
    for value, tensor in zip(graph.outputs, written.outputs, strict=True):
        name = value.native or value.name
        while name in names:
            name = f"{name}_1"
        names.add(name)
        fields.append(_entry("outputs", name, _information_of(tensor, value)))
    return Message((*fields, Field.make("method_name", "tensorflow/serving/predict")))


def _information_of(tensor: str, value: Value) -> Message:
    return Message(
        (
            Field.make("name", tensor_name(tensor)),
            Field.make("dtype", TYPE_NAMES[value.type.dtype]),
            Field.make("tensor_shape", shape_message(value.type.shape)),
        )
    )
