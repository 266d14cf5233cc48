import pytest

from transpiler.diagnostics import CODES, CompileError, Severity, Sink, Source
from transpiler.diagnostics.diagnostic import MAX_KEPT


def test_order_is_kept_and_errors_are_raised_with_everything_collected() -> None:
    sink = Sink()
    sink.note("T0004", "first")
    sink.warning("T0007", "second")
    sink.raise_if_errors()
    sink.error("T0101", "third", Source("f", "x").span(0, 1))
    with pytest.raises(CompileError) as caught:
        sink.raise_if_errors()
    assert [diagnostic.message for diagnostic in caught.value.diagnostics] == ["first", "second", "third"]
    assert str(caught.value) == "note T0004: first\nwarning T0007: second\nf:1:1: error T0101: third"


def test_a_flood_is_capped_but_the_first_error_is_kept() -> None:
    sink = Sink()
    for _ in range(MAX_KEPT + 5):
        sink.warning("T0007", "again")
    sink.error("T0101", "bad")
    sink.error("T0101", "worse")
    assert len(sink.diagnostics) == MAX_KEPT + 1
    assert sink.diagnostics[-1].severity is Severity.ERROR
    assert sink.dropped == 6


def test_codes_are_well_formed_sentences() -> None:
    for code, meaning in CODES.items():
        assert len(code) == 5
        assert code.startswith("T")
        assert code[1:].isdigit()
        assert meaning.endswith(".")
