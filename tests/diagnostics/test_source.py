import pytest
from hypothesis import given
from hypothesis import strategies as st

from transpiler.diagnostics import Source, Span


@pytest.mark.parametrize(
    ("text", "offset", "position"),
    [
        ("", 0, (1, 1)),
        ("abc", 2, (1, 3)),
        ("a\nb", 1, (1, 2)),
        ("a\nb", 2, (2, 1)),
        ("a\r\nb", 3, (2, 1)),
        ("日本\n語", 3, (2, 1)),
        ("abc", 99, (1, 4)),
        ("abc", -5, (1, 1)),
    ],
)
def test_position(text: str, offset: int, position: tuple[int, int]) -> None:
    assert Source("x", text).position(offset) == position


def test_lines_have_no_ending() -> None:
    source = Source("x", "one\r\ntwo\n\nfour")
    assert [source.line(number) for number in range(6)] == ["", "one", "two", "", "four", ""]
    assert source.line_count == 4


@given(st.text(alphabet="ab\n\r\té"), st.integers(0, 40))
def test_position_leads_back_to_the_offset(text: str, offset: int) -> None:
    source = Source("x", text)
    offset = min(offset, len(text))
    line, column = source.position(offset)
    before = "".join(piece + "\n" for piece in text.split("\n")[: line - 1])
    assert len(before) + column - 1 == offset


def test_span() -> None:
    span = Source("net.prototxt", "name: 'a'\n  type: 'b'").span(12, 16)
    assert (span.line, span.column, span.text) == (2, 3, "type")
    assert str(span) == "net.prototxt:2:3"


def test_spans_of_one_source_are_equal_but_two_readings_differ() -> None:
    first, second = Source("x", "a"), Source("x", "a")
    assert Span(first, 0, 1) == Span(first, 0, 1)
    assert Span(first, 0, 1) != Span(second, 0, 1)
