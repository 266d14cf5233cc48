"""Options as plain data, for files and messages that remember how something was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from transpiler.driver.options import Options


def given(options: Options) -> dict[str, Any]:
    """What differs from the defaults, in a form that JSON keeps as it is."""
    return {
        field.name: _plain(getattr(options, field.name))
        for field in msgspec.structs.fields(Options)
        if _is_given(field, getattr(options, field.name))
    }


def options_from(data: Mapping[str, Any]) -> Options:
    """The options that `given` described. Raises UsageError, TypeError or ValueError if the data are no options."""
    return Options(**{name: _tuples(value) for name, value in data.items()})


def _is_given(field: msgspec.structs.FieldInfo, value: Any) -> bool:
    factory = field.default_factory
    return bool(value != (field.default if factory is msgspec.NODEFAULT else factory()))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that options hold."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value
