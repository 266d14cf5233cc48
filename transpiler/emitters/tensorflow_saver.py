"""What a graph needs beside the network so that its variables can be saved, restored and found: as TensorFlow's Saver.

Source: tensorflow/python/training/saver.py (nodes `save/…`), tensorflow/core/protobuf/saver.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from transpiler.dialects.tensorflow.write_template import Dims
from transpiler.emitters.tensorflow import Stored
from transpiler.emitters.tensorflow_binary import encode
from transpiler.emitters.tensorflow_nodes import Attribute, NodeDef, Texts, tensor_name
from transpiler.ir import DType
from transpiler.syntax.textproto import Field, Message

STRING: Final = DType.STRING


def _texts(name: str, *values: str, scalar: bool = False) -> NodeDef:
    shape = () if scalar else (len(values),)
    return NodeDef(name, "Const", (), {"dtype": STRING, "value": Texts(shape, values)})


def saving_nodes(variables: Sequence[Stored], scope: str) -> list[NodeDef]:
    """Nodes that read every variable, save all of them to a file and restore them from one."""
    made = [
        NodeDef(read_of(stored), "ReadVariableOp", (stored.name,), {"dtype": stored.dtype})
        for stored in variables
    ]
    kind: dict[str, Attribute] = {"dtype": STRING, "shape": Dims(())}
    made += [
        _texts(f"{scope}/filename/input", "model", scalar=True),
        NodeDef(f"{scope}/filename", "PlaceholderWithDefault", (f"{scope}/filename/input",), kind),
        NodeDef(f"{scope}/Const", "PlaceholderWithDefault", (f"{scope}/filename",), kind),
    ]
    names = [stored.name for stored in variables]
    types = tuple(stored.dtype for stored in variables)
    for what in ("SaveV2", "RestoreV2"):
        made.append(_texts(f"{scope}/{what}/tensor_names", *names))
        made.append(_texts(f"{scope}/{what}/shape_and_slices", *[""] * len(names)))

    def operands(what: str) -> tuple[str, ...]:
        parts = ("tensor_names", "shape_and_slices")
        return (f"{scope}/Const", *(f"{scope}/{what}/{part}" for part in parts))

    values = tuple(read_of(stored) for stored in variables)
    saved = (f"{scope}/Const", f"^{scope}/SaveV2")
    made += [
        NodeDef(f"{scope}/SaveV2", "SaveV2", (*operands("SaveV2"), *values), {"dtypes": types}),
        NodeDef(f"{scope}/control_dependency", "Identity", saved, {"T": STRING}),
        NodeDef(f"{scope}/RestoreV2", "RestoreV2", operands("RestoreV2"), {"dtypes": types}),
    ]
    for i, (name, dtype) in enumerate(zip(names, types, strict=True)):
        value, passed = f"{scope}/RestoreV2:{i}" if i else f"{scope}/RestoreV2", f"{scope}/Identity_{i}"
        made.append(NodeDef(passed, "Identity", (value,), {"T": dtype}))
        made.append(NodeDef(f"{scope}/Assign_{i}", "AssignVariableOp", (name, passed), {"dtype": dtype}))
    assigned = tuple(f"^{scope}/Assign_{i}" for i in range(len(names)))
    return [*made, NodeDef(f"{scope}/restore_all", "NoOp", assigned)]


def read_of(stored: Stored) -> str:
    """The node that reads a variable for whoever wants its value."""
    return f"{stored.name}/Read/ReadVariableOp"


def saver_def(scope: str) -> Message:
    """How the nodes of `saving_nodes` are called; version 2 is today's format of checkpoints."""
    return Message(
        (
            Field.make("filename_tensor_name", f"{scope}/Const:0"),
            Field.make("save_tensor_name", f"{scope}/control_dependency:0"),
            Field.make("restore_op_name", f"{scope}/restore_all"),
            Field.make("max_to_keep", 5),
            Field.make("keep_checkpoint_every_n_hours", 10000.0),
            Field.make("version", 2),
        )
    )


def collections(variables: Sequence[Stored]) -> list[Field]:
    """The lists in which programs find a graph's variables."""
    chosen = {
        "trainable_variables": [stored for stored in variables if stored.trainable],
        "variables": list(variables),
    }
    return [_collection(key, listed) for key, listed in chosen.items() if listed]


def _collection(key: str, variables: Sequence[Stored]) -> Field:
    rows = [Field.make("value", encode(_variable_def(stored), "VariableDef")) for stored in variables]
    listed = Message((Field.make("bytes_list", Message(tuple(rows))),))
    return Field.make("collection_def", Message((Field.make("key", key), Field.make("value", listed))))


def _variable_def(stored: Stored) -> Message:
    return Message(
        (
            Field.make("variable_name", f"{stored.name}:0"),
            Field.make("initializer_name", stored.assign),
            Field.make("snapshot_name", f"{read_of(stored)}:0"),
            Field.make("is_resource", True),
            Field.make("initial_value_name", tensor_name(stored.initial)),
            Field.make("trainable", stored.trainable),
        )
    )
