"""What a layer was called on, as plain data for rows: a *pattern*, in which operands stand by their number.

`{"args": [{"operand": 0}], "kwargs": {"initial_state": [{"operand": 1}]}}`. Arrays, slices and `...` are mappings too.
The pattern that says nothing beyond the operands themselves is left out: a layer called on one tensor or on a list of
tensors, an operation called on its tensors one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from transpiler.dialects.keras.defaults import call_parameters
from transpiler.dialects.keras.model import ArrayConstant, Call, KerasLayer, TensorRef
from transpiler.ir.attributes import Attr, same

OPERAND: Final = "operand"
_IGNORED: Final = ("training",)
Leaf = TypeVar("Leaf")


def operand(number: int) -> dict[str, Attr]:
    """The operand of that number in a pattern."""
    return {OPERAND: number}


def is_operand(item: Any) -> bool:
    """Whether an item of a pattern is an operand."""
    return isinstance(item, Mapping) and OPERAND in item


def pattern_of(layer: KerasLayer, call: Call) -> tuple[Attr, tuple[TensorRef, ...]]:
    """The pattern of a call (None if it is the usual one) and its tensors in the order of their numbers.

    A layer's arguments are given by name, all but the first, in the order of the parameters of its `call`.
    """
    args, kwargs = (
        list(call.args),
        {k: v for k, v in call.kwargs.items() if v is not None and k not in _IGNORED},
    )
    if not layer.is_operation:
        args, kwargs = _bound(layer.class_name, args, kwargs)
    tensors: list[TensorRef] = []
    pattern: Attr = {
        "args": [_encoded(item, tensors) for item in args],
        "kwargs": {key: _encoded(item, tensors) for key, item in kwargs.items()},
    }
    usual = usual_pattern(len(tensors), is_operation=layer.is_operation)
    return (None if same(pattern, usual) else pattern), tuple(tensors)


def _bound(class_name: str, args: list[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    parameters = call_parameters(class_name)
    given = {**dict(zip(parameters, args, strict=False)), **kwargs}
    first = given.pop(parameters[0], None)
    order = {name: i for i, name in enumerate(parameters)}
    named = sorted(given, key=lambda name: order.get(name, len(order)))
    kept = {name: given[name] for name in named if given[name] is not None and name not in _IGNORED}
    return ([] if first is None else [first]), kept


def usual_pattern(count: int, *, is_operation: bool) -> Attr:
    """What a call on `count` tensors looks like when nothing else is said."""
    numbers: list[Attr] = [operand(i) for i in range(count)]
    args = numbers if is_operation or count < 2 else [numbers]
    return {"args": args, "kwargs": {}}


def _encoded(value: Any, tensors: list[TensorRef]) -> Attr:
    if isinstance(value, TensorRef):
        tensors.append(value)
        return operand(len(tensors) - 1)
    if isinstance(value, ArrayConstant):
        return {"array": value.value, "dtype": value.dtype}
    if isinstance(value, slice):
        return {"slice": [_encoded(part, tensors) for part in (value.start, value.stop, value.step)]}
    if value is ...:
        return {"ellipsis": True}
    if isinstance(value, (list, tuple)):
        return [_encoded(item, tensors) for item in value]
    if isinstance(value, dict):
        return {"dict": {str(key): _encoded(item, tensors) for key, item in value.items()}}
    plain: Attr = value
    return plain


def call_of(
    pattern: Attr, operands: Sequence[Leaf], make: Callable[[Leaf], Any], *, is_operation: bool
) -> Call:
    """The call that a pattern (None: the usual one) and operands mean; `make` gives what stands for an operand."""
    whole = usual_pattern(len(operands), is_operation=is_operation) if pattern is None else pattern
    assert isinstance(whole, Mapping)

    def decoded(item: Any) -> Any:
        if isinstance(item, (list, tuple)):
            return [decoded(part) for part in item]
        if not isinstance(item, Mapping):
            return item
        if OPERAND in item:
            return make(operands[item[OPERAND]])
        if "array" in item:
            return ArrayConstant(item["array"], str(item["dtype"]))
        if "slice" in item:
            return slice(*(decoded(part) for part in item["slice"]))
        if "ellipsis" in item:
            return ...
        return {key: decoded(part) for key, part in item["dict"].items()}

    args: Any = whole["args"]
    kwargs: Any = whole["kwargs"]
    return Call(tuple(decoded(item) for item in args), {key: decoded(item) for key, item in kwargs.items()})
