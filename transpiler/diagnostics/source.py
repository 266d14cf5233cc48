"""Text with a name, and ranges of it."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

import msgspec


class Source(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A text and where it came from. Offsets count characters; CRLF stays in the text, so offsets fit the file.

    Compared by identity: two readings of one file are two sources.
    """

    name: str
    """The path as the user gave it, or `<stdin>`."""
    text: str

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        find = self.text.find
        newline = find("\n")
        while newline >= 0:
            starts.append(newline + 1)
            newline = find("\n", newline + 1)
        return starts

    @property
    def line_count(self) -> int:
        """The number of lines; a text that ends in a newline has an empty last line."""
        return len(self._line_starts)

    def position(self, offset: int) -> tuple[int, int]:
        """Return the 1-based line and column (in characters) of an offset; offsets outside the text are clamped."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of a 1-based line without its line ending; empty when there is no such line."""
        if not 1 <= number <= len(self._line_starts):
            return ""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] - 1 if number < len(self._line_starts) else len(self.text)
        if end > start and self.text[end - 1] == "\r":
            end -= 1
        return self.text[start:end]

    def span(self, start: int, end: int) -> Span:
        """Return the span of the characters `start` (inclusive) to `end` (exclusive)."""
        return Span(self, start, end)


class Span(msgspec.Struct, frozen=True):
    """The characters `start` (inclusive) to `end` (exclusive) of a source."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters of the span."""
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """The 1-based line of the start."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """The 1-based column of the start, in characters."""
        return self.source.position(self.start)[1]

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"
