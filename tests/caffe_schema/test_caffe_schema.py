"""The tables of the schema are consistent, and say what protobuf makes of them."""

from __future__ import annotations

import struct
from collections import Counter
from typing import Any

import pytest

from transpiler.dialects.caffe.descriptor import message_class, net_parameter_class
from transpiler.dialects.caffe.schema import (
    BVLC_MESSAGES,
    ENUMS,
    LAYER,
    MESSAGES,
    V0_TYPES,
    V1_TYPES,
    FieldSpec,
    FieldType,
    MessageSpec,
    messages_with_field,
)

BVLC = pytest.mark.parametrize("spec", BVLC_MESSAGES, ids=lambda spec: spec.name)
ALL = pytest.mark.parametrize("spec", MESSAGES.values(), ids=lambda spec: spec.name)


@ALL
def test_names_are_unique(spec: MessageSpec) -> None:
    assert [name for name, count in Counter(spec.field_names).items() if count > 1] == []


@BVLC
def test_numbers_are_unique(spec: MessageSpec) -> None:
    assert [number for number, count in Counter(f.number for f in spec.fields).items() if count > 1] == []


@ALL
def test_references_and_defaults_exist(spec: MessageSpec) -> None:
    for field in (*spec.fields, *spec.fork_fields):
        assert (field.type is FieldType.MESSAGE) == (field.message is not None), field.name
        assert (field.type is FieldType.ENUM) == (field.enum is not None), field.name
        assert field.message is None or field.message in MESSAGES, field.name
        assert field.enum is None or field.default is None or field.default in field.enum.names, field.name


@ALL
def test_forks_are_marked(spec: MessageSpec) -> None:
    assert not any(field.fork for field in spec.fields)
    assert all(field.fork for field in spec.fork_fields)
    assert spec.fork == (spec not in [MESSAGES[bvlc.name] for bvlc in BVLC_MESSAGES])


@BVLC
def test_protobuf_reads_the_same_defaults(spec: MessageSpec) -> None:
    empty = message_class(spec.name)()
    for field in spec.fields:
        if not field.is_repeated and field.type is not FieldType.MESSAGE:
            assert _protobuf_value(field, getattr(empty, field.name)) == _rounded(field), field.name


def _protobuf_value(field: FieldSpec, value: Any) -> Any:
    return field.enum.name_of(value) if field.enum is not None else value


def _rounded(field: FieldSpec) -> Any:
    default = field.default_value
    if field.type is FieldType.FLOAT:
        return struct.unpack("<f", struct.pack("<f", default))[0]
    return default


def test_sizes_of_the_schema() -> None:
    specific = {field.number for field in LAYER.fields} - set(range(100))
    assert specific == set(range(100, 149))
    assert {field.number for field in LAYER.fields} - specific == set(range(1, 12))
    assert {field.number for field in MESSAGES["V1LayerParameter"].fields} >= set(range(1, 43)) - {28, 33, 35}
    assert len(V1_TYPES) == 40
    assert len(V0_TYPES) == 24
    assert set(V0_TYPES.values()) <= set(V1_TYPES.values())


def test_layer_fields_come_in_the_order_people_write_them() -> None:
    assert LAYER.field_names[:7] == ("name", "type", "bottom", "top", "phase", "param", "include")


def test_enum_numbers() -> None:
    assert ENUMS["Phase"].values == (("TRAIN", 0), ("TEST", 1))
    assert ENUMS["ReductionParameter.ReductionOp"].name_of(4) == "MEAN"
    assert ENUMS["V1LayerParameter.LayerType"].name_of(39) == "DECONVOLUTION"
    assert ENUMS["Phase"].name_of(2) is None


def test_messages_with_field() -> None:
    assert messages_with_field("force_backward") == ("NetParameter",)


def test_binary_round_trip() -> None:
    net = net_parameter_class()()
    layer = net.layer.add(name="ip", type="InnerProduct")
    layer.blobs.add().data.extend([1.0, 2.0])
    again = net_parameter_class().FromString(net.SerializeToString())
    assert again == net
    # tag of NetParameter.layer is 100, length-delimited; of BlobProto.data it is 5 and packed
    assert net.SerializeToString()[:2] == bytes([0xA2, 0x06])
    assert bytes([5 << 3 | 2, 8]) in net.SerializeToString()
