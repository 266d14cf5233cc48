"""The value of an unquoted identifier."""

from __future__ import annotations


class Symbol(str):
    """An identifier written without quotes, such as `MAX` or `true`: equal to the same `str`, told apart by type."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Symbol({str(self)!r})"
