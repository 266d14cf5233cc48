"""Nodes of `keras.ops` from TensorFlow function calls, and the other way round, by the rows of
`operations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transpiler.dialects.keras.model import ArrayConstant, Call, tensors_in
from transpiler.dialects.keras.operations import (
    DATA_FORMATS,
    ROW_BY_CLASS,
    ROW_BY_FUNCTION,
    OperationRow,
    Option,
)
from transpiler.dialects.keras.operations_special import (
    SPECIAL_READERS,
    SPECIAL_WRITERS,
    FunctionCall,
    Operation,
)


def operation_from_function(call: FunctionCall) -> Operation | None:
    """Return the Keras operation that does the same as a TensorFlow function call, or None."""
    if call.function in SPECIAL_READERS:
        return SPECIAL_READERS[call.function](call)
    row = ROW_BY_FUNCTION.get(call.function)
    if row is None:
        return None
    remaining = {key: value for key, value in call.kwargs.items() if key != "name"}
    operands = [call.first if row.is_variadic else _constant(call.first)]
    for operand in row.operands[1:]:
        if remaining.get(operand) is None:
            return None
        operands.append(_constant(remaining.pop(operand)))
    config = {}
    for option in row.options:
        value = _option_from(option, remaining.pop(option.tensorflow, option.tensorflow_default))
        if any(tensors_in(value)) or (value is None and option.is_required):
            return None
        config[option.keras] = value
    for argument in row.implied:
        remaining.pop(argument, None)
    for argument, value in remaining.items():
        if value is not None and value != row.fixed.get(argument):
            return None
    return Operation(row.class_name, row.module, config, Call(tuple(operands)))


def function_from_operation(class_name: str, config: Mapping[str, Any], call: Call) -> FunctionCall | None:
    """Return the TensorFlow function call that does the same as a Keras operation, or None."""
    if not call.args:
        return None
    if class_name in SPECIAL_WRITERS:
        return SPECIAL_WRITERS[class_name](config, call)
    row = ROW_BY_CLASS.get(class_name)
    if row is None or len(call.args) != len(row.operands) or any(v is not None for v in call.kwargs.values()):
        return None
    kwargs = dict(zip(row.operands[1:], call.args[1:], strict=True))
    for option in row.options:
        value = config.get(option.keras, option.keras_default)
        if value is None and (option.is_required or option.tensorflow_default is not None):
            return None
        if option.is_required or value != option.tensorflow_default:
            kwargs[option.tensorflow] = _option_to(option, value)
    kwargs.update(row.implied)
    if not _all_said(row, config):
        return None
    return FunctionCall(row.functions[0], call.args[0], kwargs)


def _all_said(row: OperationRow, config: Mapping[str, Any]) -> bool:
    """Whether a config says nothing that the row has no option for."""
    known = {option.keras for option in row.options} | {"name"}
    return all(key in known or value is None or value is False for key, value in config.items())


def _constant(value: Any) -> Any:
    """Return an operand; nested lists of numbers are an array, which Keras has to be told."""
    if not isinstance(value, list) or any(tensors_in(value)):
        return value
    return ArrayConstant(value, "float32" if _holds_float(value) else "int32")


def _holds_float(value: Any) -> bool:
    return any(map(_holds_float, value)) if isinstance(value, list) else isinstance(value, float)


def _option_from(option: Option, value: Any) -> Any:
    if option.keras == "data_format":
        return DATA_FORMATS.get(value, value)
    return option.keras_default if value is None else value


def _option_to(option: Option, value: Any) -> Any:
    if option.keras == "data_format":
        return {keras: tensorflow for tensorflow, keras in DATA_FORMATS.items()}.get(value, value)
    plain = list(value) if isinstance(value, tuple) else value
    return [plain] if option.is_list and isinstance(plain, int) else plain
