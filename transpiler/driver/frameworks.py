"""The dialects by framework name. A dialect is loaded when it is asked for: a conversion needs one or two of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from transpiler.dialects.rows import Dialect


def _caffe() -> Dialect:
    from transpiler.dialects.caffe.dialect import CAFFE

    return CAFFE


def _keras() -> Dialect:
    from transpiler.dialects.keras.dialect import KERAS3

    return KERAS3


_DIALECTS: Final[dict[str, Callable[[], Dialect]]] = {"caffe": _caffe, "keras": _keras}


def dialect_of(framework: str) -> Dialect | None:
    """The dialect of a framework, None if it has none (a graph that was written as IR text, say)."""
    return _DIALECTS[framework]() if framework in _DIALECTS else None


def all_dialects() -> tuple[Dialect, ...]:
    """Every dialect, in the order in which frameworks are listed everywhere."""
    return tuple(load() for load in _DIALECTS.values())
