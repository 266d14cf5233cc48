"""The schema as protobuf classes, for the binary forms of Caffe's messages (`.caffemodel`, `.binaryproto`).

The package protobuf is imported by name, and only when a class is asked for: it is heavy, and its generated
modules carry no types.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from transpiler.dialects.caffe.schema import BVLC_MESSAGES, ENUMS, EnumSpec, FieldSpec, MessageSpec

__all__ = ["file_descriptor", "message_class", "net_parameter_class"]

_PACKAGE = "caffe"


def _fill_enum(target: Any, spec: EnumSpec) -> None:
    target.name = spec.name.rpartition(".")[2]
    for name, number in spec.values:
        target.value.add(name=name, number=number)


def _default_text(spec: FieldSpec) -> str:
    """A default as a descriptor spells it: lower-case booleans, bare enum names, shortest numbers."""
    if isinstance(spec.default, bool):
        return "true" if spec.default else "false"
    return repr(spec.default) if isinstance(spec.default, float) else str(spec.default)


def _fill_field(target: Any, spec: FieldSpec) -> None:
    target.name = spec.name
    target.number = spec.number
    target.label = getattr(target, f"LABEL_{spec.label.value.upper()}")
    target.type = getattr(target, f"TYPE_{spec.type.value.upper()}")
    if spec.enum is not None:
        target.type_name = f".{_PACKAGE}.{spec.enum.name}"
    if spec.message is not None:
        target.type_name = f".{_PACKAGE}.{spec.message}"
    if spec.default is not None:
        target.default_value = _default_text(spec)
    if spec.packed:
        target.options.packed = True
    if spec.deprecated:
        target.options.deprecated = True


def file_descriptor() -> Any:
    """The schema of BVLC Caffe as a proto2 `FileDescriptorProto` of package `caffe`; forks are left out."""
    descriptors = import_module("google.protobuf.descriptor_pb2")
    file = descriptors.FileDescriptorProto(name="caffe.proto", package=_PACKAGE, syntax="proto2")
    for spec in BVLC_MESSAGES:
        _fill_message(file, spec)
    for enum in ENUMS.values():
        if "." not in enum.name:
            _fill_enum(file.enum_type.add(), enum)
    return file


def _fill_message(file: Any, spec: MessageSpec) -> None:
    target = file.message_type.add(name=spec.name)
    for field in spec.fields:
        _fill_field(target.field.add(), field)
    for enum in ENUMS.values():
        if enum.name.startswith(f"{spec.name}."):
            _fill_enum(target.enum_type.add(), enum)


@cache
def message_class(name: str) -> Any:
    """The protobuf class of a message of BVLC Caffe, such as `BlobProto`. It lives in a pool of its own.

    Raises:
        KeyError: there is no message of that name.
    """
    factory = import_module("google.protobuf.message_factory")
    return factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@cache
def _pool() -> Any:
    pool = import_module("google.protobuf.descriptor_pool").DescriptorPool()
    pool.AddSerializedFile(file_descriptor().SerializeToString())
    return pool


def net_parameter_class() -> Any:
    """The protobuf class of `NetParameter`: what a `.caffemodel` file holds."""
    return message_class("NetParameter")
