import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transpiler.diagnostics import (
    Diagnostic,
    Fix,
    Severity,
    Source,
    render_json,
    render_lsp,
    render_sarif,
    render_text,
)

SOURCE = Source("my net.prototxt", 'layer {\n\tname = "日本" # x\n')


def equals_sign() -> Diagnostic:
    at = SOURCE.text.index("=")
    return Diagnostic(
        "T0105",
        Severity.ERROR,
        "write ':'",
        SOURCE.span(at, at + 1),
        notes=("a note",),
        related=((SOURCE.span(6, 7), "opened here"),),
        help="some help",
        fixes=(Fix("write ':'", SOURCE.span(at, at + 1), ":"),),
    )


def test_text_shows_the_line_with_tabs_expanded_and_a_caret() -> None:
    assert render_text([equals_sign()]) == (
        "my net.prototxt:2:7: error T0105: write ':'\n"
        '    2 |     name = "日本" # x\n'
        "      |          ^\n"
        "  my net.prototxt:1:7: opened here\n"
        "    1 | layer {\n"
        "      |       -\n"
        "  note: a note\n"
        "  help: some help\n"
        "  fix: write ':'\n"
    )


def test_text_of_nothing_is_nothing() -> None:
    assert render_text([]) == ""


def test_wide_characters_take_two_cells() -> None:
    source = Source("f", "日本 x")
    shown = render_text([Diagnostic("T0101", Severity.ERROR, "m", source.span(3, 4))])
    assert shown.splitlines()[2] == "      |      ^"


def test_long_lines_are_cut_around_the_place() -> None:
    source = Source("f", "a" * 5000 + "!" + "b" * 5000)
    lines = render_text([Diagnostic("T0101", Severity.ERROR, "m", source.span(5000, 5001))]).splitlines()
    assert lines[1].startswith("    1 | …aaa")
    assert lines[1].endswith("bbb…")
    assert lines[1][lines[2].index("^")] == "!"
    assert len(lines[1]) < 120


def test_control_characters_of_the_source_never_reach_the_terminal() -> None:
    source = Source("f\x1b[31m", "a\x1b[2Jb\x7f\u202e")
    shown = render_text([Diagnostic("T0101", Severity.ERROR, "m\x07", source.span(1, 2))])
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_a_span_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    source = Source("f", "abc\ndef")
    assert (
        render_text([Diagnostic("T0101", Severity.ERROR, "m", source.span(1, 6))]).splitlines()[2]
        == "      |  ^^"
    )


def test_color_paints_and_plain_does_not() -> None:
    assert "\x1b[1;31m" in render_text([equals_sign()], color=True)
    assert "\x1b" not in render_text([equals_sign()])


def test_an_input_without_text_has_only_a_name() -> None:
    source = Source("missing", "")
    shown = render_text([Diagnostic("T0001", Severity.ERROR, "there is no such file", source.span(0, 0))])
    assert shown == "missing:1:1: error T0001: there is no such file\n"


def test_json() -> None:
    [report] = json.loads(render_json([equals_sign()]))
    assert report["code"] == "T0105"
    assert report["severity"] == "error"
    assert report["place"] == {
        "file": "my net.prototxt",
        "line": 2,
        "column": 7,
        "end_line": 2,
        "end_column": 8,
        "start": 14,
        "end": 15,
    }
    assert report["fixes"][0]["replacement"] == ":"
    assert report["related"][0]["place"]["line"] == 1


def test_lsp_counts_from_zero_in_utf16_units() -> None:
    source = Source("file:///a.prototxt", "😀 x")
    [report] = render_lsp([Diagnostic("T0101", Severity.WARNING, "m", source.span(2, 3), help="h")])
    assert report["range"] == {"start": {"line": 0, "character": 3}, "end": {"line": 0, "character": 4}}
    assert report["severity"] == 2
    assert report["message"] == "m\nhelp: h"


def test_lsp_carries_fixes_and_related_places() -> None:
    [report] = render_lsp([equals_sign()])
    assert report["data"]["fixes"][0]["newText"] == ":"
    assert report["relatedInformation"][0]["location"]["uri"] == "my%20net.prototxt"


def test_lsp_puts_a_diagnostic_without_place_at_the_start() -> None:
    [report] = render_lsp([Diagnostic("T0101", Severity.NOTE, "m")])
    assert report["range"]["start"] == {"line": 0, "character": 0}


def test_sarif_has_what_the_standard_requires() -> None:
    log = json.loads(render_sarif([equals_sign(), Diagnostic("T0007", Severity.NOTE, "m")], version="1.2"))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "transpiler"
    assert driver["version"] == "1.2"
    for result in run["results"]:
        assert result["ruleId"] == driver["rules"][result["ruleIndex"]]["id"]
        assert result["message"]["text"]
        assert result["level"] in ("error", "warning", "note")
    placed = run["results"][0]
    location = placed["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "my%20net.prototxt"
    assert location["region"] == {"startLine": 2, "startColumn": 7, "endLine": 2, "endColumn": 8}
    [change] = placed["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"] == {"text": ":"}
    assert "locations" not in run["results"][1]


@given(text=st.text(), start=st.integers(-3, 30), end=st.integers(-3, 30), color=st.booleans())
def test_every_place_in_every_text_can_be_reported(text: str, start: int, end: int, color: bool) -> None:
    diagnostic = Diagnostic("T0101", Severity.ERROR, text, Source(text, text).span(start, end), help=text)
    render_text([diagnostic], color).encode()
    json.loads(render_json([diagnostic]))
    json.loads(render_sarif([diagnostic]))
    assert render_lsp([diagnostic])


@pytest.mark.parametrize("name", ["a\\b.prototxt", "a b.prototxt", "\ud800"])
def test_uris_of_strange_names(name: str) -> None:
    source = Source(name, "x")
    log = json.loads(render_sarif([Diagnostic("T0101", Severity.ERROR, "m", source.span(0, 1))]))
    uri = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert " " not in uri
    assert "\\" not in uri
