"""One call of one Keras layer as nodes: what rows read, and what Keras does around a layer's own computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from transpiler.diagnostics import Sink
from transpiler.dialects.keras.activations import ACTIVATIONS, named_activation
from transpiler.dialects.keras.calls import is_operand
from transpiler.dialects.keras.defaults import MARKER_ARGUMENTS, is_default
from transpiler.dialects.keras.defaults_keras3 import KERAS3_DEFAULTS
from transpiler.dialects.keras.dialect import KERAS3, rows_reading
from transpiler.dialects.keras.inner import plain_layer
from transpiler.dialects.keras.model import KerasLayer
from transpiler.dialects.keras.naming import APPLICATIONS_PACKAGE
from transpiler.dialects.keras.spelling import CALL, DTYPES, RANKS, SYNTHETIC
from transpiler.dialects.rows import FieldError, Native, Row
from transpiler.ir import Op, ShapeError, TensorType, Value
from transpiler.ir.attributes import Attr
from transpiler.ops.activation import Identity
from transpiler.ops.convolution import ConvTranspose
from transpiler.ops.core import Constant, Opaque
from transpiler.ops.fields import to_shape
from transpiler.ops.spatial import feature_map
from transpiler.ops.windows import Explicit, Valid, extent

KNOWN_MARKERS: Final = ("time_major", "keras1_output_shape")
"""Markers of old meanings that rows understand."""


WRAPPER: Final = "TimeDistributed"


class Reading(msgspec.Struct, frozen=True):
    """What a layer's config and call mean: its op, what follows it, and what is kept for the way back."""

    op: Op
    constants: tuple[tuple[int, Constant], ...] = ()
    """Numbers in the call that become operands: at which place, and which."""
    activation: Op | None = None
    extras: Mapping[str, Attr] = msgspec.field(default_factory=dict)


def native_type(layer: KerasLayer) -> str:
    """The name under which rows know a layer: its class, for what is no public layer with the module before it."""
    named = layer.is_operation or _is_applications(layer)
    return f"{layer.module}.{layer.class_name}" if named else layer.class_name


def _is_applications(layer: KerasLayer) -> bool:
    """Whether the class is one that `keras.applications` brings along, under whatever name it was registered."""
    return (layer.module or "").startswith(APPLICATIONS_PACKAGE)


def read_layer(
    layer: KerasLayer, pattern: Attr, types: Sequence[TensorType], results: int, sink: Sink
) -> Reading:
    """What one call of a layer means. What is unknown becomes an opaque op, with a warning at its place.

    `pattern` is what it was called on, `types` its operands as far as they are known, `results` how many tensors of
    this call are used. Values that make no sense go to the sink as errors.
    """
    config = _with_pattern({**layer.config, **plain_layer(layer)}, pattern, types)
    activation = config.pop("activation", None) if has_activation(layer) else _inner_activation(layer, config)
    native = Native(native_type(layer), config, len(types), results)
    constants: tuple[tuple[int, Constant], ...] = ()
    row = _reader(layer, native)
    if row is None and layer.is_operation:
        native, constants = _with_constants(native)
        row = _reader(layer, native)
    if row is None:
        return _opaque(layer, pattern, results, sink)
    try:
        op = row.read(native)
    except FieldError as error:
        path = (error.field,) if error.field else ()
        sink.error("T2031", f"layer '{layer.name}': {error}", layer.span_of(*path))
        return Reading(_opaque_op(layer, pattern, results))
    extras = {} if layer.is_operation else kept(layer.class_name, row, native)
    told = extras.pop("keras1_output_shape", None)
    if isinstance(op, ConvTranspose) and told is not None and types:
        op = _with_output_shape(op, told, types[0])
    if not op.arity.accepts(len(types) + len(constants)):
        given = f"{len(types) + len(constants)} tensor{'s' if len(types) != 1 else ''}"
        sink.error(
            "T2031", f"layer '{layer.name}': it takes {op.arity}, but is called on {given}", layer.span
        )
        return Reading(_opaque_op(layer, pattern, results))
    return Reading(op, constants, _activation(layer, activation, sink), extras)


def _with_output_shape(op: ConvTranspose, told: Any, type_: TensorType) -> ConvTranspose:
    """Keras 1 was told the output's shape of a transposed convolution, and cropped as TensorFlow does to reach it."""
    shape = type_.shape
    try:
        asked = to_shape(told)
    except ValueError:
        return op
    if shape is None or len(asked) != op.rank + 2 or len(shape) != op.rank + 2:
        return op
    wanted = feature_map(asked, op.data_format, op.rank).spatial
    sizes = feature_map(shape, op.data_format, op.rank).spatial
    crops: list[tuple[int, int]] = []
    extra: list[int] = []
    for out, size, k, s, d in zip(wanted, sizes, op.kernel, op.strides, op.dilations, strict=True):
        if out is None or size is None:
            return op
        total = s * (size - 1) + extent(k, d) - out
        crops.append((max(total, 0) // 2, max(total, 0) - max(total, 0) // 2))
        extra.append(max(-total, 0))
    if tuple(wanted) == op.outputs(sizes):
        return op
    padding = Explicit(tuple(crops)) if any(map(any, crops)) else Valid()
    return op.evolve(padding=padding, output_padding=tuple(extra))


def has_activation(layer: KerasLayer) -> bool:
    """Whether `activation` is applied to the layer's result, and so is a node of its own."""
    if layer.class_name == WRAPPER:
        return False  # the activation is the inner layer's argument
    rows = () if layer.is_operation else rows_reading(layer.class_name)
    return bool(rows) and not any("activation" in row.consumed for row in rows)


def _reader(layer: KerasLayer, native: Native) -> Row | None:
    """The row that reads a layer. None also for what changes its meaning in a way that no row knows."""
    markers = MARKER_ARGUMENTS.get(layer.class_name, frozenset()) - set(KNOWN_MARKERS)
    own_name = layer.registered_name in (None, layer.class_name) or _is_applications(layer)
    if any(marker in layer.config for marker in markers) or not own_name:
        return None
    row = KERAS3.reader(native)
    if row is None or (CALL in native.config and CALL not in row.consumed):
        return None
    return None if layer.is_operation and _says_more(row, native) else row


_SAYS_NOTHING: Final[tuple[tuple[str, Attr], ...]] = (("decimals", 0), ("fill_mode", "constant"))


def _says_more(row: Row, native: Native) -> bool:
    """Whether an operation has an argument that its row does not read: it would change what is computed."""
    rest = {
        key: value for key, value in native.config.items() if key not in row.consumed and key not in SYNTHETIC
    }
    rest.pop("name", None)
    return any(
        value not in (None, False) and (key, value) not in _SAYS_NOTHING for key, value in rest.items()
    )


def _with_pattern(config: dict[str, Attr], pattern: Attr, types: Sequence[TensorType]) -> dict[str, Attr]:
    ranks: list[Attr] = [type_.rank for type_ in types]
    return {**config, **({} if pattern is None else {CALL: pattern}), RANKS: ranks}


def _inner_activation(layer: KerasLayer, config: dict[str, Attr]) -> Attr:
    """The activation of the layer inside a TimeDistributed: it may as well act on the whole result."""
    inner = layer.inner.get("layer")
    if layer.class_name != WRAPPER or inner is None or not has_activation(inner):
        return None
    written: Any = config["layer"]
    settings = dict(written["config"])
    activation: Attr = settings.pop("activation", None)
    config["layer"] = {**written, "config": settings}
    return activation


def _activation(layer: KerasLayer, value: Attr, sink: Sink) -> Op | None:
    if value is None:
        return None
    if isinstance(value, str) and value in ACTIVATIONS:
        op = named_activation(value)
        return None if op == Identity() else op
    name = value if isinstance(value, str) else _object_name(value)
    sink.warning(
        "T2030",
        f"layer '{layer.name}': the activation {name} is not known here; it is kept as it is",
        layer.span_of("activation"),
    )
    return Opaque(framework="keras", type="activation", attributes={"activation": value})


def _object_name(value: Attr) -> str:
    if isinstance(value, Mapping):
        return str(value.get("registered_name") or value.get("class_name"))
    return repr(value)


def kept(class_name: str, row: Row, native: Native) -> dict[str, Attr]:
    """What no op models: fields that the row does not read and that say more than the default."""
    return {
        key: value
        for key, value in native.config.items()
        if key not in row.consumed
        and key not in SYNTHETIC
        and key not in ("name", "layer", "backward_layer", "cell", "cells")
        and not is_default(class_name, key, value)
        and not (key == "dtype" and value == "float32")
    } | _kept_inside(native)


def _kept_inside(native: Native) -> dict[str, Attr]:
    """The same for the layers inside a wrapper, by the key that holds them."""
    found: dict[str, Attr] = {}
    for key in ("layer", "backward_layer", "cell", "cells"):
        value: Any = native.config.get(key)
        items = value if isinstance(value, list) else [value]
        if not items or not all(isinstance(item, Mapping) and "class_name" in item for item in items):
            continue
        inside: list[Attr] = [_kept_of(item) for item in items]
        found[key] = inside if isinstance(value, list) else inside[0]
    return found


def _kept_of(item: Mapping[str, Any]) -> dict[str, Attr]:
    inner = Native(str(item["class_name"]), item["config"])
    row = KERAS3.reader(inner)
    fields = kept(inner.type, row, inner) if row is not None else {}
    return {"name": item["name"], "config": fields}


def _with_constants(native: Native) -> tuple[Native, tuple[tuple[int, Constant], ...]]:
    """The same with numbers and arrays of the call made operands, so that rows see tensors only."""
    pattern: Any = native.config.get(CALL)
    if not isinstance(pattern, Mapping) or pattern["kwargs"]:
        return native, ()
    constants: list[tuple[int, Constant]] = []
    for place, item in enumerate(pattern["args"]):
        made = None if is_operand(item) else _constant(item)
        if made is not None:
            constants.append((place, made))
        elif not is_operand(item):
            return native, ()
    config = {key: value for key, value in native.config.items() if key != CALL}
    numbers = [item["operand"] for item in pattern["args"] if is_operand(item)]
    if numbers != sorted(set(numbers)):
        return native, ()
    config[RANKS] = [None] * len(pattern["args"])
    return Native(native.type, config, len(pattern["args"]), native.results), tuple(constants)


def _constant(item: Any) -> Constant | None:
    """Numbers in a call as an op: a plain number, or an array."""
    if isinstance(item, (bool, int, float)):
        dtype = "bool" if isinstance(item, bool) else ("int32" if isinstance(item, int) else "float32")
        return Constant(shape=(), values=(float(item),), dtype=DTYPES[dtype])
    if not isinstance(item, Mapping) or item.get("dtype") not in DTYPES:
        return None
    shape, values = _flattened(item["array"])
    return None if shape is None else Constant(shape=shape, values=values, dtype=DTYPES[item["dtype"]])


def _flattened(value: Any) -> tuple[tuple[int, ...] | None, tuple[float, ...]]:
    """The shape and the numbers of nested lists; a shape of None if they are uneven."""
    if not isinstance(value, list):
        return ((), (float(value),)) if isinstance(value, (bool, int, float)) else (None, ())
    parts = [_flattened(item) for item in value]
    shapes = {shape for shape, _ in parts}
    if len(shapes) > 1 or None in shapes:
        return None, ()
    inner = shapes.pop() if shapes else ()
    return (len(value), *(inner or ())), tuple(number for _, numbers in parts for number in numbers)


def _opaque(layer: KerasLayer, pattern: Attr, results: int, sink: Sink) -> Reading:
    known = layer.class_name in KERAS3_DEFAULTS or layer.is_operation
    what = f"{layer.original_class_name or layer.class_name} is " + (
        "kept as it is: what it computes has no counterpart here"
        if known
        else "not a layer that this program knows"
    )
    sink.warning("T2030", f"layer '{layer.name}': {what}", layer.span, help="other formats cannot say it")
    return Reading(_opaque_op(layer, pattern, results))


def _opaque_op(layer: KerasLayer, pattern: Attr, results: int) -> Opaque:
    """Everything that is needed to write the layer back."""
    attributes: dict[str, Attr] = {
        "config": dict(layer.config),
        **_if(CALL, pattern),
        **_if("inner", plain_layer(layer)),
    }
    attributes |= {**_if("module", layer.module), **_if("registered_name", layer.registered_name)}
    return Opaque(framework="keras", type=layer.class_name, results=results, attributes=attributes)


def _if(key: str, value: Attr) -> dict[str, Attr]:
    return {key: value} if value not in (None, {}) else {}


def infer(op: Op, types: Sequence[TensorType]) -> tuple[TensorType, ...]:
    """Result types as far as they are known here; what is wrong is for the pass that infers shapes to say."""
    try:
        return op.infer(types)
    except ShapeError:
        return (TensorType(),) * op.result_count


def operand_values(values: Sequence[Value], constants: Mapping[int, Value]) -> tuple[Value, ...]:
    """Operands with the constants of the call at their places."""
    count = len(values) + len(constants)
    rest = iter(values)
    return tuple(constants[i] if i in constants else next(rest) for i in range(count))
