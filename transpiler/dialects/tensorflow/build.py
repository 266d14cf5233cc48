"""From raw messages to the records of a graph: attribute values, shapes, lazily decoded tensors, functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from transpiler.diagnostics import Sink
from transpiler.dialects.tensorflow.graph_def import (
    ArgDef,
    Array,
    AttrValue,
    DataType,
    FunctionDef,
    FunctionRef,
    GraphDef,
    NodeDef,
    Signature,
    TensorProto,
    TensorShape,
)
from transpiler.dialects.tensorflow.raw import Raw, now

_NUMPY: Final[Mapping[str, str]] = {
    "DT_FLOAT": "<f4",
    "DT_DOUBLE": "<f8",
    "DT_HALF": "<f2",
    "DT_INT8": "<i1",
    "DT_INT16": "<i2",
    "DT_INT32": "<i4",
    "DT_INT64": "<i8",
    "DT_UINT8": "<u1",
    "DT_UINT16": "<u2",
    "DT_UINT32": "<u4",
    "DT_UINT64": "<u8",
    "DT_BOOL": "?",
    "DT_COMPLEX64": "<c8",
    "DT_COMPLEX128": "<c16",
    "DT_QINT8": "<i1",
    "DT_QUINT8": "<u1",
    "DT_QINT32": "<i4",
}
_LISTS: Final = ("s", "i", "f", "b", "type", "shape", "tensor", "func")
_VALUES: Final = (
    "float_val", "double_val", "int_val", "int64_val", "bool_val", "uint32_val", "uint64_val", "half_val", "string_val",
    "scomplex_val", "dcomplex_val",
)  # fmt: skip
MAX_ELEMENTS: Final = 2**31
MAX_FILLED: Final = 2**26
"""So many elements may stand in a file as a single number."""


def build_graph(kind: str, raw: Raw, sink: Sink) -> GraphDef:
    """The graph of a raw GraphDef, MetaGraphDef or SavedModel (the first of its graphs)."""
    signatures: dict[str, Signature] = {}
    if kind == "SavedModel":
        graphs = raw.all("meta_graphs")
        if len(graphs) > 1:
            sink.warning("T3004", f"the file holds {len(graphs)} graphs; the first is read", raw.span)
        raw, kind = (graphs[0] if graphs else Raw({})), "MetaGraphDef"
    if kind == "MetaGraphDef":
        signatures = {key: _signature(value) for key, value in raw.entries("signature_def").items()}
        raw = raw.last("graph_def") or Raw({}, raw.span)
    library = raw.last("library")
    nodes_of = _Nodes()
    functions = [] if library is None else [_function(item, nodes_of) for item in library.all("function")]
    nodes = nodes_of.build(raw.all("node"), sink)
    if not nodes:
        sink.error("T3005", "the graph has no node", raw.span)
    versions = raw.last("versions")
    producer = raw.last("version", 0) if versions is None else versions.last("producer", 0)
    return GraphDef(nodes, {item.name: item for item in functions}, signatures, producer, raw.span)


def _signature(raw: Raw) -> Signature:
    return Signature(
        {key: info.last("name", "") for key, info in sorted(raw.entries("inputs").items())},
        {key: info.last("name", "") for key, info in sorted(raw.entries("outputs").items())},
    )


class _Nodes:
    """Builds the nodes of a file. What was built of an attribute serves all nodes that have the very same one."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[str, AttrValue] | None] = {}

    def build(self, rows: Sequence[Raw], sink: Sink | None) -> tuple[NodeDef, ...]:
        """The nodes of a graph or of a function (without a sink: what is wrong with them is not said)."""
        found: dict[str, NodeDef] = {}
        for row in rows:
            node = self._node(row)
            if not node.name or not node.op:
                if sink is not None:
                    sink.error("T3006", "a node needs a name and an op", row.span)
            elif node.name in found:
                if sink is not None:
                    sink.error(
                        "T3007",
                        f"two nodes are named `{node.name}`",
                        row.span,
                        related=_related(found[node.name]),
                    )
            else:
                found[node.name] = node
        return tuple(found.values())

    def _node(self, raw: Raw) -> NodeDef:
        attributes = self.attributes(raw)
        return NodeDef(
            raw.last("name", ""), raw.last("op", ""), tuple(raw.all("input")), attributes, raw.span
        )

    def attributes(self, raw: Raw) -> dict[str, AttrValue]:
        """The attributes of a node or an argument, by name; the last one of a name counts."""
        found: dict[str, AttrValue] = {}
        for entry in raw.all("attr"):
            made = self._made.get(id(entry), _NEW)
            if made is _NEW:
                made = self._made[id(entry)] = _entry(entry)
            if made is not None:
                found[made[0]] = made[1]
        return found


_NEW: Final[Any] = object()


def _entry(raw: Raw) -> tuple[str, AttrValue] | None:
    key, value = raw.last("key"), raw.last("value")
    made = None if key is None or value is None else _attribute(value)
    return None if made is None else (key, made)


def _related(node: NodeDef) -> tuple[Any, ...]:
    return () if node.span is None else ((node.span, "the first one"),)


def _attribute(raw: Raw) -> AttrValue | None:
    for key in raw.fields:
        value = raw.last(key)
        if key == "list":
            rows = (_one(kind, item) for kind in _LISTS for item in value.all(kind))
            return tuple(item for item in rows if item is not None)
        return _one(key, value)
    return None


def _one(kind: str, value: Any) -> AttrValue | None:
    match kind:
        case "s":
            return _text(now(value))
        case "f":
            return shortest(value)
        case "i" | "b":
            return value  # type: ignore[no-any-return]  # the readers made an int, a float or a bool of it
        case "type":
            return DataType(value)
        case "shape":
            return shape(value)
        case "tensor":
            return tensor(value)
        case "func":
            return FunctionRef(value.last("name", ""))
        case _:
            return None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def shape(raw: Raw | None) -> TensorShape:
    """Sizes of -1 and below are unknown, also the rank if it says so or nothing is said."""
    if raw is None or raw.last("unknown_rank", False):
        return TensorShape()
    sizes = (dim.last("size", 0) for dim in raw.all("dim"))
    return TensorShape(tuple(None if size < 0 else size for size in sizes))


def tensor(raw: Raw) -> TensorProto:
    """A tensor whose elements are decoded when they are asked for."""
    written = raw.last("tensor_shape")
    dims = TensorShape(()) if written is None else shape(written)
    dtype = DataType(raw.last("dtype", "DT_INVALID"))

    def load() -> Array:
        return _elements(raw, dtype.value, dims)

    return TensorProto(dtype, dims, load)


def _elements(raw: Raw, dtype: str, dims: TensorShape) -> Array:
    """Elements as stored: all bytes, or values of which the last one fills the rest."""
    if dims.dims is None or None in dims.dims:
        raise ValueError("the tensor's shape is not fully known")
    sizes = tuple(size for size in dims.dims if size is not None)
    count = math.prod(sizes)
    if count > MAX_ELEMENTS:
        raise ValueError(f"{count} elements are too many")
    content = now(raw.last("tensor_content", b""))
    if dtype == "DT_STRING":
        filled = _filled([now(item) for item in raw.all("string_val")], count, b"")
        texts = np.empty(count, dtype=object)
        texts[:] = filled
        return texts.reshape(sizes)
    if content:
        return _from_bytes(content, dtype, sizes)
    values = next((raw.all(name) for name in _VALUES if raw.all(name)), [])
    if dtype in ("DT_HALF", "DT_BFLOAT16"):
        bits = np.array(_filled(values, count, 0), dtype="<u4").astype("<u2")
        return _half(bits, dtype).reshape(sizes)
    if dtype not in _NUMPY:
        raise ValueError(f"tensors of {dtype} cannot be read")
    if dtype in ("DT_COMPLEX64", "DT_COMPLEX128"):
        values = [complex(*pair) for pair in zip(values[::2], values[1::2], strict=False)]
    try:
        with np.errstate(over="ignore"):
            found = np.array(values, dtype=_NUMPY[dtype])
    except (OverflowError, TypeError) as error:
        raise ValueError(str(error)) from error
    if len(found) > count:
        raise ValueError(f"{len(found)} elements do not fit a tensor of {count}")
    if len(found) < count:
        if count > MAX_FILLED:
            raise ValueError(f"{len(found)} elements are to fill a tensor of {count}")
        rest = np.full(count - len(found), found[-1] if len(found) else 0, dtype=_NUMPY[dtype])
        found = np.concatenate([found, rest])
    return found.reshape(sizes)


def _from_bytes(content: bytes, dtype: str, sizes: tuple[int, ...]) -> Array:
    kind = "<u2" if dtype == "DT_BFLOAT16" else _NUMPY.get(dtype)
    if kind is None:
        raise ValueError(f"tensors of {dtype} cannot be read")
    if len(content) != math.prod(sizes) * np.dtype(kind).itemsize:
        raise ValueError(f"{len(content)} bytes do not fit a tensor of shape {list(sizes)}")
    found = np.frombuffer(content, dtype=kind)
    return (_half(found, dtype) if dtype == "DT_BFLOAT16" else found).reshape(sizes)


def _half(bits: Array, dtype: str) -> Array:
    """16-bit floats from their bits; bfloat16 becomes float32, which holds each of them exactly."""
    if dtype == "DT_HALF":
        return bits.view("<f2")
    return (bits.astype("<u4") << 16).view("<f4")


def _filled(values: Sequence[Any], count: int, empty: Any) -> list[Any]:
    if len(values) > count:
        raise ValueError(f"{len(values)} elements do not fit a tensor of {count}")
    if count > max(len(values), MAX_FILLED):
        raise ValueError(f"{len(values)} elements are to fill a tensor of {count}")
    return [*values, *[values[-1] if values else empty] * (count - len(values))]


def _function(raw: Raw, nodes_of: _Nodes) -> FunctionDef:
    signature = raw.last("signature") or Raw({})
    attributes: dict[Any, Raw] = dict(raw.entries("arg_attr").items())
    inputs = []
    for i, arg in enumerate(signature.all("input_arg")):
        given = attributes.get(i)
        shapes = {} if given is None else nodes_of.attributes(given)
        inputs.append(_argument(arg, shapes.get("_output_shapes")))
    outputs = tuple(_argument(arg, None) for arg in signature.all("output_arg"))
    returns = raw.entries("ret")
    return FunctionDef(
        signature.last("name", ""),
        tuple(inputs),
        outputs,
        nodes_of.build(raw.all("node_def"), None),
        returns,
        raw.span,
    )


def _argument(raw: Raw, shapes: AttrValue | None) -> ArgDef:
    handles = raw.all("handle_data")
    known = (
        shapes[0]
        if isinstance(shapes, tuple) and shapes and isinstance(shapes[0], TensorShape)
        else TensorShape()
    )
    return ArgDef(
        raw.last("name", ""),
        DataType(raw.last("type", "DT_INVALID")),
        known,
        shape(handles[0].last("shape")) if handles else None,
        raw.last("number_attr", "") or raw.last("type_list_attr", ""),
    )


def shortest(value: float) -> float:
    """A 32-bit float by its shortest decimal: 0.001, whether it was written so or as 0.0010000000475."""
    with np.errstate(over="ignore"):
        return float(str(np.float32(value)))
