"""Errors in protobuf text as the user sees them: a picture each."""

import pytest

from transpiler.diagnostics import Sink, Source, render_text
from transpiler.parsers import textproto
from transpiler.syntax.textproto import print_textproto

PICTURES = [
    (
        'layer {\n  name = "a"\n}\n',
        """\
net:2:8: error T0105: a field and its value are separated by ':', not '='
    2 |   name = "a"
      |        ^
  fix: write ':'
""",
    ),
    (
        "num_output 20",
        """\
net:1:11: error T0106: a ':' is missing between this field's name and its value
    1 | num_output 20
      |           ^
  fix: insert ':'
""",
    ),
    (
        "name:\ntype: 'x'",
        """\
net:1:1: error T0107: the field `name` has no value
    1 | name:
      | ^^^^
  help: write `name: value`, or `name { … }` for a message
""",
    ),
    (
        'name: "conv1\ntype: "x"',
        """\
net:1:7: error T0102: this string is not closed: the " at its end is missing
    1 | name: "conv1
      |       ^^^^^^
  help: a string ends on the line where it begins; a line break inside one is written \\n
  fix: insert "
""",
    ),
    (
        "layer {\n  convolution_param {\n    pad: 1\n}\nlayer {\n}\n",
        """\
net:6:2: error T0103: the file ends, but the message `layer` is not closed: '}' is missing
    6 | }
      |  ^
  net:1:7: `layer` is opened here
    1 | layer {
      |       -
  net:2:21: the indentation says: this one lacks its end
    2 |   convolution_param {
      |                     -
""",
    ),
    (
        "a {\n}\n}\n",
        """\
net:3:1: error T0104: this '}' closes nothing: no message is open here
    3 | }
      | ^
  help: there is one closing brace too many, here or before
""",
    ),
    (
        "a < b: 1 }",
        """\
net:1:10: error T0113: the message opened with '<' is closed with '}'
    1 | a < b: 1 }
      |          ^
  net:1:3: opened here
    1 | a < b: 1 }
      |   -
  fix: write '>'
""",
    ),
    (
        "source: data/train.txt",
        """\
net:1:13: error T0101: unexpected '/' in the value `data/train.txt`
    1 | source: data/train.txt
      |             ^
  help: text that is not a single word or number is written in quotes
  fix: put quotes around it
""",
    ),
    (
        'source: "C:\\data"',
        """\
net:1:12: error T0108: the escape \\d does not exist
    1 | source: "C:\\data"
      |            ^^
  help: a backslash itself is written \\\\; in paths, / works on every system
  fix: write the backslash twice
""",
    ),
    (
        "kernel-size: 3",
        """\
net:1:7: error T0101: unexpected '-' after the name `kernel`
    1 | kernel-size: 3
      |       ^
  help: a field name has letters, digits and underscores; a ':' or '{' follows it
""",
    ),
    (
        "dim: [1, 2\nname: 'x'",
        """\
net:2:1: error T0111: the list of `dim` is not closed: ']' is missing
    2 | name: 'x'
      | ^
  net:1:6: the list begins here
    1 | dim: [1, 2
      |      -
""",
    ),
    (
        "name: “conv”",
        """\
net:1:7: error T0101: unexpected “ (a typographic quote; write ") where a value was expected
    1 | name: “conv”
      |       ^
""",
    ),
]


@pytest.mark.parametrize(("text", "picture"), PICTURES, ids=[text.split("\n", 1)[0] for text, _ in PICTURES])
def test_picture(text: str, picture: str) -> None:
    sink = Sink()
    textproto.parse_source(Source("net", text), sink)
    assert render_text(sink.diagnostics) == picture


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("a: 08", ["T0109"]),
        ("a: +1", ["T0109"]),
        ("a: 1_000", ["T0109"]),
        ("a: 1.2.3", ["T0109"]),
        ("a: -x", ["T0109"]),
        ("a: " + "1" * 1001, ["T0109"]),
        ("a: 1-2", ["T0101"]),
        ("a:", ["T0107"]),
        ("a", ["T0107"]),
        ("a b: 1", ["T0107"]),
        ("a { b: }", ["T0107"]),
        ("a: , b: 1", ["T0107"]),
        ("a:\nb {\n}", ["T0107"]),
        ("a\nb: 1", ["T0107"]),
        ("type Convolution", ["T0106"]),
        ("a [1, 2]", ["T0106"]),
        ('"name": "x"', ["T0101"]),
        ('"x"', ["T0101"]),
        ("1: 2", ["T0101"]),
        (": 1", ["T0101"]),
        ("a: 1,, b: 2", ["T0114"]),
        (", a: 1", ["T0114"]),
        ("a {, }", ["T0114"]),
        ("a: [1, 2,]", ["T0111"]),
        ("a: [1 2]", ["T0111"]),
        ("a: [[1]]", ["T0111"]),
        ("a: [1", ["T0111"]),
        ("a: [{ b: 1 } c: 2", ["T0111"]),
        ("a { b: [1 } c: 2", ["T0111"]),
        ("]", ["T0111"]),
        ("[a b]: 1", ["T0112"]),
        ("{ a: 1 }", ["T0115"]),
        ("// comment\na: 1", ["T0117"]),
        ("/* a\nb */ a: 1", ["T0117"]),
        ("a: 1 // comment\nb: 2", ["T0117"]),
        ("a: \u00a01", ["T0101"]),
        ("a: @", ["T0101"]),
        (r"a: '\x' b: '\8' c: '\u12' d: '\U00110000'", ["T0108"] * 4),
        ("a: '\\", ["T0102"]),
        ("a = 1 b = 2 c = { d = 3 }", ["T0105"] * 4),
    ],
)
def test_codes(text: str, codes: list[str]) -> None:
    sink = Sink()
    textproto.parse_source(Source("net", text), sink)
    assert [diagnostic.code for diagnostic in sink.diagnostics] == codes


def test_several_errors_are_reported_and_the_rest_is_read() -> None:
    text = """\
name: "net
layer {
  name = "conv1"
  type "Convolution"
  bottom: data/x
  convolution_param { num_output: 20 kernel_size: }
  top: "conv1"
}
}
layer { name: "relu" }
"""
    sink = Sink()
    message = textproto.parse_source(Source("net", text), sink)
    assert [diagnostic.code for diagnostic in sink.diagnostics] == [
        "T0102", "T0105", "T0106", "T0101", "T0107", "T0104",
    ]  # fmt: skip
    assert print_textproto(message) == (
        'layer {\n  name: "conv1"\n  type: "Convolution"\n  bottom: data\n'
        '  convolution_param {\n    num_output: 20\n  }\n  top: "conv1"\n}\n'
        'layer {\n  name: "relu"\n}\n'
    )


def test_reading_stops_after_many_errors() -> None:
    sink = Sink()
    textproto.parse_source(Source("net", "a = 1\n" * 5000), sink)
    assert len(sink.diagnostics) == 101
    assert sink.diagnostics[-1].code == "T0116"


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("a = 1", "a : 1"),
        ("a 1", "a: 1"),
        ("a: 'x", "a: 'x'"),
        ("a: x/y", 'a: "x/y"'),
        ("a: C:\\x", 'a: "C:\\\\x"'),
        ("a < >, b < }", "a < >, b < >"),
        ("'a': 1", "a: 1"),
        ("a: '\\q'", "a: '\\\\q'"),
        ("a: 1,,", "a: 1,"),
        ("// x", "# x"),
    ],
)
def test_fixes_repair(text: str, repaired: str) -> None:
    sink = Sink()
    textproto.parse_source(Source("net", text), sink)
    [fix] = sink.diagnostics[0].fixes
    assert text[: fix.span.start] + fix.replacement + text[fix.span.end :] == repaired
    textproto.parse(repaired)
