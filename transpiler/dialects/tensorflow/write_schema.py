"""The messages around a graph that are written but say nothing of the network: how variables are saved and restored.

Source: tensorflow/core/protobuf/{meta_graph,saver}.proto, tensorflow/core/framework/variable.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from transpiler.dialects.tensorflow.schema import SCHEMA, FieldSchema

_META: Final = SCHEMA["MetaGraphDef"]
WRITTEN: Final[Mapping[str, Mapping[str, FieldSchema]]] = {
    **SCHEMA,
    "MetaGraphDef": {
        **_META,
        "meta_info_def": msgspec.structs.replace(_META["meta_info_def"], kind="MetaInfoDef"),
        "saver_def": msgspec.structs.replace(_META["saver_def"], kind="SaverDef"),
        "collection_def": FieldSchema(4, "CollectionEntry", repeated=True),
    },
    "MetaInfoDef": {
        "tags": FieldSchema(4, "string", repeated=True),
        "tensorflow_version": FieldSchema(5, "string"),
    },
    "SaverDef": {
        "filename_tensor_name": FieldSchema(1, "string"),
        "save_tensor_name": FieldSchema(2, "string"),
        "restore_op_name": FieldSchema(3, "string"),
        "max_to_keep": FieldSchema(4, "int32"),
        "keep_checkpoint_every_n_hours": FieldSchema(6, "float"),
        "version": FieldSchema(7, "int32"),
    },
    "CollectionEntry": {"key": FieldSchema(1, "string"), "value": FieldSchema(2, "CollectionDef")},
    "CollectionDef": {"bytes_list": FieldSchema(2, "BytesList")},
    "BytesList": {"value": FieldSchema(1, "bytes", repeated=True)},
    "VariableDef": {
        "variable_name": FieldSchema(1, "string"),
        "initializer_name": FieldSchema(2, "string"),
        "snapshot_name": FieldSchema(3, "string"),
        "is_resource": FieldSchema(5, "bool"),
        "initial_value_name": FieldSchema(6, "string"),
        "trainable": FieldSchema(7, "bool"),
    },
}
"""Every message that is written: those that are read, and more of those around them."""
