"""The TensorFlowOpLayer of TensorFlow 2.0 to 2.3: one raw operation, its NodeDef as JSON, and its constant
inputs.

It is read as the call of the public TensorFlow function that does the same, which the rows of `operations`
understand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from transpiler.dialects.keras.model import TensorRef
from transpiler.dialects.keras.operations_special import SLICING_FUNCTION, FunctionCall

_PLAIN: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "Add": ("math.add", ("y",)),
    "AddV2": ("math.add", ("y",)),
    "BiasAdd": ("math.add", ("y",)),
    "Sub": ("math.subtract", ("y",)),
    "Mul": ("math.multiply", ("y",)),
    "SquaredDifference": ("math.squared_difference", ("y",)),
    "RealDiv": ("math.truediv", ("y",)),
    "FloorDiv": ("math.floordiv", ("y",)),
    "FloorMod": ("math.floormod", ("y",)),
    "Pow": ("math.pow", ("y",)),
    "Maximum": ("math.maximum", ("y",)),
    "Minimum": ("math.minimum", ("y",)),
    "Greater": ("math.greater", ("y",)),
    "GreaterEqual": ("math.greater_equal", ("y",)),
    "Less": ("math.less", ("y",)),
    "LessEqual": ("math.less_equal", ("y",)),
    "Equal": ("math.equal", ("y",)),
    "NotEqual": ("math.not_equal", ("y",)),
    "LogicalAnd": ("math.logical_and", ("y",)),
    "LogicalOr": ("math.logical_or", ("y",)),
    "LogicalNot": ("math.logical_not", ()),
    "Abs": ("math.abs", ()),
    "Neg": ("math.negative", ()),
    "Sign": ("math.sign", ()),
    "Square": ("math.square", ()),
    "Sqrt": ("math.sqrt", ()),
    "Rsqrt": ("math.rsqrt", ()),
    "Reciprocal": ("math.reciprocal", ()),
    "Exp": ("math.exp", ()),
    "Log": ("math.log", ()),
    "Log1p": ("math.log1p", ()),
    "Floor": ("math.floor", ()),
    "Ceil": ("math.ceil", ()),
    "Sin": ("math.sin", ()),
    "Cos": ("math.cos", ()),
    "Tanh": ("math.tanh", ()),
    "Sigmoid": ("math.sigmoid", ()),
    "Softplus": ("math.softplus", ()),
    "Softsign": ("nn.softsign", ()),
    "Relu": ("nn.relu", ()),
    "Relu6": ("nn.relu6", ()),
    "Elu": ("nn.elu", ()),
    "Selu": ("nn.selu", ()),
    "Softmax": ("nn.softmax", ()),
    "LogSoftmax": ("nn.log_softmax", ()),
    "Reshape": ("reshape", ("shape",)),
    "Transpose": ("transpose", ("perm",)),
    "ExpandDims": ("expand_dims", ("axis",)),
    "Tile": ("tile", ("multiples",)),
    "BroadcastTo": ("broadcast_to", ("shape",)),
    "Pad": ("pad", ("paddings",)),
    "PadV2": ("pad", ("paddings", "constant_values")),
    "GatherV2": ("gather", ("indices", "axis")),
    "Select": ("where", ("x", "y")),
    "SelectV2": ("where", ("x", "y")),
    "ClipByValue": ("clip_by_value", ("clip_value_min", "clip_value_max")),
    "ArgMax": ("math.argmax", ("axis",)),
    "ArgMin": ("math.argmin", ("axis",)),
}
"""Operations whose inputs are the function's arguments, in order, and whose attributes do not matter."""

_REDUCTIONS: Final = {
    "Sum": "sum",
    "Mean": "mean",
    "Max": "max",
    "Min": "min",
    "Prod": "prod",
    "All": "all",
    "Any": "any",
}
_DTYPES: Final = {
    "DT_HALF": "float16", "DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_INT32": "int32", "DT_INT64": "int64",
    "DT_BOOL": "bool", "DT_UINT8": "uint8", "DT_INT8": "int8",
}  # fmt: skip
_MASKS: Final = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def function_of_raw_op(config: Mapping[str, Any], tensors: Sequence[TensorRef]) -> FunctionCall | None:
    """Return the function call that a TensorFlowOpLayer stands for, or None if it has no known counterpart.

    `tensors` are what the layer was called on; they stand for the inputs that are no constants, in order.
    """
    node, constants = config.get("node_def"), config.get("constants")
    if not isinstance(node, dict) or not isinstance(node.get("op"), str):
        return None
    inputs = _inputs(node, constants if isinstance(constants, dict) else {}, tensors)
    if not inputs:
        return None
    op, attributes = node["op"], _attributes(node)
    if op in _PLAIN:
        function, names = _PLAIN[op]
        return FunctionCall(function, inputs[0], dict(zip(names, inputs[1:], strict=False)))
    if op in _REDUCTIONS and len(inputs) == 2:
        kwargs = {"axis": inputs[1], "keepdims": bool(attributes.get("keep_dims", False))}
        return FunctionCall(f"math.reduce_{_REDUCTIONS[op]}", inputs[0], kwargs)
    return _structural(op, inputs, attributes)


def _structural(op: str, inputs: list[Any], attributes: Mapping[str, Any]) -> FunctionCall | None:
    if op == "ConcatV2":
        return FunctionCall("concat", inputs[:-1], {"axis": inputs[-1]})
    if op == "Pack":
        return FunctionCall("stack", inputs, {"axis": attributes.get("axis", 0)})
    if op == "Squeeze":
        return FunctionCall("squeeze", inputs[0], {"axis": attributes.get("squeeze_dims") or None})
    if op == "Cast" and attributes.get("DstT") in _DTYPES:
        return FunctionCall("cast", inputs[0], {"dtype": _DTYPES[attributes["DstT"]]})
    if op == "Split" and len(inputs) == 2:
        return FunctionCall(
            "split", inputs[1], {"num_or_size_splits": attributes.get("num_split"), "axis": inputs[0]}
        )
    if op in ("MatMul", "BatchMatMul", "BatchMatMulV2") and len(inputs) == 2:
        first, second = ("transpose_a", "transpose_b") if op == "MatMul" else ("adj_x", "adj_y")
        kwargs = {"transpose_a": bool(attributes.get(first)), "transpose_b": bool(attributes.get(second))}
        return FunctionCall("linalg.matmul", inputs[0], {"b": inputs[1], **kwargs})
    return _strided_slice(inputs, attributes) if op == "StridedSlice" and len(inputs) == 4 else None


def _strided_slice(inputs: list[Any], attributes: Mapping[str, Any]) -> FunctionCall | None:
    begin, end, strides = inputs[1:]
    if not all(isinstance(part, list) for part in (begin, end, strides)) or not len(begin) == len(end) == len(
        strides
    ):
        return None
    masks = [int(attributes.get(name, 0)) for name in _MASKS]
    key: list[Any] = []
    for axis, (start, stop, step) in enumerate(zip(begin, end, strides, strict=True)):
        no_start, no_stop, is_ellipsis, is_new, is_index = (mask >> axis & 1 for mask in masks)
        if is_ellipsis:
            key.append(...)
        elif is_new:
            key.append(None)
        elif is_index:
            key.append(start)
        else:
            key.append(
                slice(None if no_start else start, None if no_stop else stop, None if step == 1 else step)
            )
    return FunctionCall(SLICING_FUNCTION, inputs[0], {"slice_spec": key})


def _inputs(node: Mapping[str, Any], constants: Mapping[str, Any], tensors: Sequence[TensorRef]) -> list[Any]:
    """Return the operation's inputs in order: constants where they are given, tensors in between."""
    names = node.get("input")
    count = len(names) if isinstance(names, list) else 0
    remaining = iter(tensors)
    inputs = [
        constants[str(index)] if str(index) in constants else next(remaining, None) for index in range(count)
    ]
    is_complete = next(remaining, None) is None and all(value is not None for value in inputs)
    return inputs if is_complete else []


def _attributes(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a NodeDef as plain values; protobuf writes 64-bit integers as strings."""
    written = node.get("attr")
    plain: dict[str, Any] = {}
    for name, value in (written if isinstance(written, dict) else {}).items():
        if not isinstance(value, dict):
            continue
        if "b" in value or "type" in value:
            plain[name] = value.get("b", value.get("type"))
        elif isinstance(value.get("i"), str | int):
            plain[name] = _integer(value["i"])
        elif isinstance(value.get("list"), dict) and isinstance(value["list"].get("i"), list):
            plain[name] = [_integer(item) for item in value["list"]["i"]]
    return plain


def _integer(text: str | int) -> int:
    try:
        return int(text)
    except ValueError:
        return 0
