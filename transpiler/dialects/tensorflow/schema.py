"""The messages of TensorFlow that describe graphs, as far as they are read: names, numbers and kinds of their fields.

Source: tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape,function,op_def,types}.proto and
tensorflow/core/protobuf/{meta_graph,saved_model}.proto. One table serves text and binary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

INTEGERS: Final = frozenset({"int32", "int64", "uint32", "uint64"})
REALS: Final = frozenset({"float", "double"})
SCALARS: Final = INTEGERS | REALS | {"bool", "string", "bytes", "type"}
SKIPPED: Final = "skipped"
"""The kind of fields that say nothing about a network."""


class FieldSchema(msgspec.Struct, frozen=True):
    """One field: its number, its kind (a scalar's, a message's name, or `skipped`), and whether it repeats."""

    number: int
    kind: str
    repeated: bool = False


def _fields(**rows: str) -> dict[str, FieldSchema]:
    """Fields from `NUMBER KIND`, with a star behind the kind of repeated ones."""
    made = {}
    for name, row in rows.items():
        number, kind = row.split()
        made[name] = FieldSchema(int(number), kind.rstrip("*"), kind.endswith("*"))
    return made


SCHEMA: Final[Mapping[str, Mapping[str, FieldSchema]]] = {
    "GraphDef": _fields(
        node="1 NodeDef*",
        library="2 FunctionDefLibrary",
        version="3 int32",
        versions="4 VersionDef",
        debug_info="5 skipped",
    ),
    "VersionDef": _fields(producer="1 int32", min_consumer="2 int32", bad_consumers="3 int32*"),
    "NodeDef": _fields(
        name="1 string",
        op="2 string",
        input="3 string*",
        device="4 string",
        attr="5 AttrEntry*",
        experimental_debug_info="6 skipped",
        experimental_type="7 skipped",
    ),
    "AttrEntry": _fields(key="1 string", value="2 AttrValue"),
    "AttrValue": _fields(
        list="1 ListValue",
        s="2 bytes",
        i="3 int64",
        f="4 float",
        b="5 bool",
        type="6 type",
        shape="7 TensorShapeProto",
        tensor="8 TensorProto",
        placeholder="9 string",
        func="10 NameAttrList",
    ),
    "ListValue": _fields(
        s="2 bytes*",
        i="3 int64*",
        f="4 float*",
        b="5 bool*",
        type="6 type*",
        shape="7 TensorShapeProto*",
        tensor="8 TensorProto*",
        func="9 NameAttrList*",
    ),
    "NameAttrList": _fields(name="1 string", attr="2 AttrEntry*"),
    "TensorShapeProto": _fields(dim="2 Dim*", unknown_rank="3 bool"),
    "Dim": _fields(size="1 int64", name="2 string"),
    "TensorProto": _fields(
        dtype="1 type",
        tensor_shape="2 TensorShapeProto",
        version_number="3 int32",
        tensor_content="4 bytes",
        half_val="13 int32*",
        float_val="5 float*",
        double_val="6 double*",
        int_val="7 int32*",
        string_val="8 bytes*",
        scomplex_val="9 float*",
        int64_val="10 int64*",
        bool_val="11 bool*",
        dcomplex_val="12 double*",
        resource_handle_val="14 skipped",
        variant_val="15 skipped",
        uint32_val="16 uint32*",
        uint64_val="17 uint64*",
        float8_val="18 skipped",
    ),
    "FunctionDefLibrary": _fields(
        function="1 FunctionDef*", gradient="2 skipped", registered_gradients="3 skipped"
    ),
    "FunctionDef": _fields(
        signature="1 OpDef",
        attr="5 AttrEntry*",
        arg_attr="7 ArgAttrEntry*",
        resource_arg_unique_id="8 skipped",
        node_def="3 NodeDef*",
        ret="4 NameEntry*",
        control_ret="6 NameEntry*",
    ),
    "ArgAttrEntry": _fields(key="1 uint32", value="2 ArgAttrs"),
    "ArgAttrs": _fields(attr="1 AttrEntry*"),
    "NameEntry": _fields(key="1 string", value="2 string"),
    "OpDef": _fields(
        name="1 string",
        input_arg="2 ArgDef*",
        output_arg="3 ArgDef*",
        control_output="20 string*",
        attr="4 skipped",
        deprecation="8 skipped",
        summary="5 skipped",
        description="6 skipped",
        is_commutative="18 bool",
        is_aggregate="16 bool",
        is_stateful="17 bool",
        allows_uninitialized_input="19 bool",
        is_distributed_communication="21 bool",
    ),
    "ArgDef": _fields(
        name="1 string",
        description="2 skipped",
        type="3 type",
        type_attr="4 string",
        number_attr="5 string",
        type_list_attr="6 string",
        handle_data="7 HandleData*",
        is_ref="16 bool",
        experimental_full_type="17 skipped",
    ),
    "HandleData": _fields(dtype="1 type", shape="2 TensorShapeProto"),
    "MetaGraphDef": _fields(
        meta_info_def="1 skipped",
        graph_def="2 GraphDef",
        saver_def="3 skipped",
        collection_def="4 skipped",
        signature_def="5 SignatureEntry*",
        asset_file_def="6 skipped",
        object_graph_def="7 skipped",
    ),
    "SignatureEntry": _fields(key="1 string", value="2 SignatureDef"),
    "SignatureDef": _fields(
        inputs="1 TensorInfoEntry*",
        outputs="2 TensorInfoEntry*",
        method_name="3 string",
        defaults="4 skipped",
    ),
    "TensorInfoEntry": _fields(key="1 string", value="2 TensorInfo"),
    "TensorInfo": _fields(
        name="1 string",
        dtype="2 type",
        tensor_shape="3 TensorShapeProto",
        coo_sparse="4 skipped",
        composite_tensor="5 skipped",
    ),
    "SavedModel": _fields(saved_model_schema_version="1 int64", meta_graphs="2 MetaGraphDef*"),
}
"""Message -> field -> what it is. Maps are repeated entries of key and value, as in the wire format."""

TYPES: Final[Mapping[int, str]] = {
    0: "DT_INVALID",
    1: "DT_FLOAT",
    2: "DT_DOUBLE",
    3: "DT_INT32",
    4: "DT_UINT8",
    5: "DT_INT16",
    6: "DT_INT8",
    7: "DT_STRING",
    8: "DT_COMPLEX64",
    9: "DT_INT64",
    10: "DT_BOOL",
    11: "DT_QINT8",
    12: "DT_QUINT8",
    13: "DT_QINT32",
    14: "DT_BFLOAT16",
    15: "DT_QINT16",
    16: "DT_QUINT16",
    17: "DT_UINT16",
    18: "DT_COMPLEX128",
    19: "DT_HALF",
    20: "DT_RESOURCE",
    21: "DT_VARIANT",
    22: "DT_UINT32",
    23: "DT_UINT64",
    24: "DT_FLOAT8_E5M2",
    25: "DT_FLOAT8_E4M3FN",
    29: "DT_INT4",
    30: "DT_UINT4",
}
"""The numbers of element types; 100 is added for references to variables."""

REFERENCE: Final = 100
"""What is added to the number of a type for references to it."""
TYPE_NUMBERS: Final[Mapping[str, int]] = {name: number for number, name in TYPES.items()}


def type_name(number: int) -> str:
    """The name of an element type; that of a reference is its type's with `_REF`. Unknown numbers get a name too."""
    base = number - REFERENCE if number > REFERENCE else number
    name = TYPES.get(base, f"DT_{base}")
    return name if base == number else f"{name}_REF"
