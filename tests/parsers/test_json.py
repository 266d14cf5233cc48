"""What JSON allows, and errors in it as the user sees them."""

import json as standard_json
import math
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transpiler.diagnostics import CompileError, Diagnostic, Sink, Source, render_text
from transpiler.parsers import json, reference
from transpiler.parsers.json_builder import MAX_DEPTH, MAX_ERRORS
from transpiler.syntax.json import (
    JsonArray,
    JsonObject,
    JsonValue,
    from_python,
    print_json,
    span_at,
    to_python,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)
PIECES = st.sampled_from(
    ['"a"', '"b":', "1", "-2.5e3", "01", "+1", "true", "True", "null", "NaN", "-Infinity", "{", "}", "[", "]", ",",
     ":", "=", ";", "'", '"', "'x'", "\\", "//", "/* */", "#", " ", "\n", "\t", "é", '"\\u00e9"', '"\\q"', "word"]
)  # fmt: skip
BROKEN = st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=40)


def diagnosed(text: str) -> tuple[JsonValue, list[Diagnostic]]:
    sink = Sink()
    return json.parse_source(Source("model.json", text), sink), sink.diagnostics


@given(VALUES, st.sampled_from([None, 0, 3]))
def test_printed_values_read_back(value: Any, indent: int | None) -> None:
    node = from_python(value)
    assert json.parse(print_json(node, indent)) == node


@settings(max_examples=300)
@given(BROKEN)
def test_both_readers_agree_on_what_is_well_formed(text: str) -> None:
    sink = Sink()
    value = json.parse_source(Source("x", text), sink)
    try:
        expected = reference.parse_json(text)
    except reference.GrammarError:
        assert sink.has_errors
        return
    assert not sink.has_errors
    assert value == expected


@settings(max_examples=300)
@given(BROKEN)
def test_the_standard_library_agrees_on_what_is_well_formed(text: str) -> None:
    try:
        expected = standard_json.loads(text)
    except ValueError:
        with pytest.raises(CompileError):
            json.parse(text)
        return
    assert from_python(to_python(json.parse(text))) == from_python(expected)


@settings(max_examples=300)
@given(BROKEN)
def test_any_text_gives_a_tree_and_places_within_the_text(text: str) -> None:
    value, diagnostics = diagnosed(text)
    to_python(value)
    assert len(diagnostics) <= MAX_ERRORS + 1 or all(found.code == "T0213" for found in diagnostics)
    for diagnostic in diagnostics:
        spans = [
            diagnostic.span,
            *(span for span, _ in diagnostic.related),
            *(fix.span for fix in diagnostic.fixes),
        ]
        assert all(span is not None and 0 <= span.start <= span.end <= len(text) for span in spans)


SEED = b'{"class_name": "Model", "config": [1, -2.5e3, null, {"name": "\\u00e9", "x": [true]}]}'


def test_truncations_and_flipped_bytes_only_ever_raise_compile_errors() -> None:
    broken = [SEED[:length] for length in range(len(SEED))]
    broken += [
        SEED[:at] + bytes([SEED[at] ^ (1 << bit)]) + SEED[at + 1 :]
        for at in range(len(SEED))
        for bit in range(8)
    ]
    for data in broken:
        with suppress(CompileError):
            json.parse(data.decode("latin-1"))


def test_spans() -> None:
    text = '{"a": [1, {"b": "x"}], "c": null}'
    value = json.parse(text)

    def shown(*path: str | int) -> str:
        span = span_at(value, path)
        assert span is not None
        return span.text

    assert shown() == text
    assert shown("a") == '[1, {"b": "x"}]'
    assert shown("a", 0) == "1"
    assert shown("a", 1, "b") == '"x"'
    assert shown("a", -1) == '{"b": "x"}'
    assert shown("c") == "null"
    assert shown("a", 7, "b") == shown("a")
    assert shown("missing") == text
    assert isinstance(value, JsonObject)
    member = value.members[1]
    assert member.key_span is not None
    assert member.span is not None
    assert (member.key_span.text, member.span.text) == ('"c"', '"c": null')


def test_numbers_that_json_lacks() -> None:
    value = json.parse("[NaN, Infinity, -Infinity]")
    assert isinstance(value, JsonArray)
    nan, positive, negative = to_python(value)
    assert math.isnan(nan)
    assert (positive, negative) == (math.inf, -math.inf)


def test_a_byte_order_mark_is_skipped() -> None:
    assert to_python(json.parse("\ufeff[]")) == []


def test_duplicate_keys_warn_and_the_last_counts() -> None:
    value, diagnostics = diagnosed('{"a": 1, "a": 2}')
    assert to_python(value) == {"a": 2}
    assert [diagnostic.code for diagnostic in diagnostics] == ["T0213"]
    assert diagnostics[0].related[0][0].start == 1


def test_half_surrogates_are_replaced_with_a_warning() -> None:
    value, diagnostics = diagnosed('["\\ud83d\\ude00", "\\ud800x"]')
    assert to_python(value) == ["😀", "\ufffdx"]
    assert [diagnostic.code for diagnostic in diagnostics] == ["T0212"]


def test_floats_beyond_range_are_infinite_with_a_warning() -> None:
    value, diagnostics = diagnosed("[1e999, -1e999]")
    assert to_python(value) == [math.inf, -math.inf]
    assert [diagnostic.code for diagnostic in diagnostics] == ["T0218", "T0218"]


def test_long_integers_are_exact_up_to_a_limit() -> None:
    assert to_python(json.parse("9" * 1000)) == 10**1000 - 1
    _, diagnostics = diagnosed("9" * 5000)
    assert [diagnostic.code for diagnostic in diagnostics] == ["T0211"]


def test_depth_up_to_the_limit_is_read() -> None:
    json.parse("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for opening in ("[", '{"a":', '[{"a":'):
        _, diagnostics = diagnosed(opening * 100_000)
        assert [diagnostic.code for diagnostic in diagnostics] == ["T0214"]


@pytest.mark.parametrize(
    "text",
    [
        '"' * 500_001,
        '["' + "a" * 1_000_000,
        "[" + "1," * 400_000,
        "[" + "1 " * 400_000,
        "{" * 400_000,
        "]" * 400_000,
        " " * 1_000_000,
        "[" + "'x" * 400_000,
        '[@"' + '\\"' * 400_000,
        '{@"' + '"\\' * 400_000,
        "//" * 500_000,
        "-" * 500_000,
        '{"a"' + " " * 1_000_000,
        "[" + '{"a":1},' * 200_000,
        "a" * 1_000_000,
        '{"' + "\\u0041" * 200_000,
    ],
    ids=lambda text: text[:8] + "…",
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    start = time.process_time()
    diagnosed(text)
    assert time.process_time() - start < 5


PICTURES = [
    (
        '{\n  "a": 1,\n}',
        """\
model.json:2:9: error T0206: JSON allows no comma after the last item
    2 |   "a": 1,
      |         ^
  fix: remove the comma
""",
    ),
    (
        "{'a': True}",
        """\
model.json:1:2: error T0207: JSON strings are written in double quotes
    1 | {'a': True}
      |  ^^^
  fix: write double quotes

model.json:1:7: error T0216: JSON writes true, not True
    1 | {'a': True}
      |       ^^^^
  fix: write true
""",
    ),
    (
        '{"a": [1, 2',
        """\
model.json:1:12: error T0203: the file ends, but this array is not closed, nor 1 around it: ']' is missing
    1 | {"a": [1, 2
      |            ^
  model.json:1:7: the array begins here
    1 | {"a": [1, 2
      |       -
  help: was the file cut off while it was written or copied?
""",
    ),
    (
        '{"a": 1 // one\n}',
        """\
model.json:1:9: error T0208: JSON has no comments
    1 | {"a": 1 // one
      |         ^^^^^^
  fix: remove it
""",
    ),
    (
        '{"a": 1\n "b": 2}',
        """\
model.json:2:2: error T0205: a ',' is missing before '"'
    2 |  "b": 2}
      |  ^
  fix: insert ','
""",
    ),
]


@pytest.mark.parametrize(("text", "picture"), PICTURES, ids=[str(number) for number in range(len(PICTURES))])
def test_picture(text: str, picture: str) -> None:
    assert render_text(diagnosed(text)[1]) == picture


@pytest.mark.parametrize(
    ("text", "codes", "value"),
    [
        ("", ["T0201"], None),
        ("[1,,2]", ["T0206"], [1, 2]),
        ("[,1]", ["T0206"], [1]),
        ("[1;2]", ["T0205"], [1, 2]),
        ('{"a" 1}', ["T0209"], {"a": 1}),
        ('{"a" = 1}', ["T0209"], {"a": 1}),
        ('{"a"}', ["T0217"], {"a": None}),
        ('{"a": }', ["T0217"], {"a": None}),
        ('{"a": , "b": 2}', ["T0217"], {"a": None, "b": 2}),
        ("{a: 1}", ["T0207"], {"a": 1}),
        ("{1: 2}", ["T0207"], {"1": 2}),
        ("{[1]}", ["T0201"], {"": [1]}),
        ('["a": 1]', ["T0201"], ["a"]),
        ("[1}", ["T0204"], [1]),
        ('{"a": [1, {"b": 2]}', ["T0204"], {"a": [1, {"b": 2}]}),
        ("}", ["T0204", "T0201"], None),
        ("{} {}", ["T0215"], {}),
        ("[01, +1, .5, 5., 1_0]", ["T0211"] * 5, ["01", "+1", ".5", "5.", "1_0"]),
        ("[word]", ["T0216"], ["word"]),
        ('["\\q", "a\tb", "\\u12"]', ["T0210"] * 3, ["\\q", "a\tb", "\\u12"]),
        ('["abc\n, 2]', ["T0202"], ["abc", 2]),
        ("[/* x */ 1, # y\n 2]", ["T0208", "T0208"], [1, 2]),
        ("[“x”]", ["T0216"], ["“x”"]),
    ],
)
def test_recovery(text: str, codes: list[str], value: Any) -> None:
    node, diagnostics = diagnosed(text)
    assert [diagnostic.code for diagnostic in diagnostics] == codes
    if value is not None:
        assert to_python(node) == value


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("[1,]", "[1]"),
        ("[1 2]", "[1, 2]"),
        ("['it\\'s \"x\"']", '["it\'s \\"x\\""]'),
        ("[None]", "[null]"),
        ("{a: 1}", '{"a": 1}'),
        ('{"a" 1}', '{"a": 1}'),
        ('{"a" = 1}', '{"a":  1}'),
        ("[1;2]", "[1,2]"),
    ],
)
def test_fixes_repair(text: str, repaired: str) -> None:
    _, diagnostics = diagnosed(text)
    [fix] = diagnostics[0].fixes
    assert text[: fix.span.start] + fix.replacement + text[fix.span.end :] == repaired
    json.parse(repaired)


def test_reading_stops_after_many_errors() -> None:
    _, diagnostics = diagnosed("[" + "True," * 5000)
    assert len(diagnostics) == MAX_ERRORS + 1
    assert diagnostics[-1].code == "T0219"
