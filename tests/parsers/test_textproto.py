"""What protobuf text allows, read by both readers, and its values as Protocol Buffers itself reads them."""

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transpiler.diagnostics import CompileError, Sink, Source
from transpiler.parsers import reference, textproto
from transpiler.parsers.textproto_builder import MAX_DEPTH, MAX_ERRORS
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Field, Message, Scalar, print_textproto

WELL_FORMED = {
    "nothing": "",
    "comments": "# one\na: 1 # two\n# three",
    "messages": "a { } b: { } c < > d: < x: 1 >",
    "crowded": "a:1 b:x c{d:'3'e:\"4\"}f<g:4>",
    "separators": "a: 1, b: 2; c { d: 1; }, e < >; f: [1];",
    "lists": "a: [1, 2] b: [] c: ['x' \"y\", z] d: [{a: 1}, <b: 2>] e [{}] f []",
    "list with comments": "a: [ # one\n 1 # two\n , 2 ]",
    "strings": 'a: \'x\' b: "it\'s" c: \'say "hi"\' d: "a" \'b\' # and\n "c"',
    "escapes": r"""a: "\a\b\f\n\r\t\v\?\\\'\"\1\12\123\x1\xaB\u00e9\U0001f600" """,
    "numbers": "a: 0 b: 0x1F c: 017 d: 1.5 e: .5 f: 5. g: 1e3 h: 1.5E-3f i: 2F j: -7 k: - 8 l: -.5",
    "numbers without end": "a: inf b: -inf c: nan d: -nan e: Infinity f: -INFINITY",
    "extensions": "[a.b]: 1 [ a . b / c-d ] { } [type.googleapis.com/x.Y] { z: 1 } [ # here\n a]: 2",
    "names like values": "inf: 1 nan { } true: true",
    "crlf": "a: 1\r\nb {\r\n}\r\n",
    "byte order mark": "\ufeffa: 1",
    "unicode in strings and comments": "# é\na: '日本'",
}


@pytest.mark.parametrize("text", WELL_FORMED.values(), ids=WELL_FORMED)
def test_both_readers_agree(text: str) -> None:
    message = textproto.parse(text)
    assert message == reference.parse_textproto(text.removeprefix("\ufeff"))
    assert textproto.parse(print_textproto(message)) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("017", 15),
        ("0x1F", 31),
        ("-0x1f", -31),
        ("18446744073709551615", 2**64 - 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("2f", 2.0),
        ("- # c\n 3", -3),
        ("-inf", -math.inf),
        ("inf", Symbol("inf")),
        ("MAX", Symbol("MAX")),
        ("'a' \"b\"", "ab"),
        (r"'\1' '2'", "\x012"),
        ("'a' # \\q 'no'\n 'b'", "ab"),
        (r"'\u00e9\U0001F600\ud83d\ude00'", "é😀😀"),
        (r"'\\ud83d\ude00x'", "\\ud83d\udced\udcb8\udc80x"),
        (r"'\303\251'", "é"),
        (r"'\377'", "\udcff"),
        ("''", ""),
    ],
)
def test_values(text: str, value: Any) -> None:
    field = textproto.parse(f"a: {text}").fields[0]
    assert isinstance(field.value, Scalar)
    assert field.value.value == value
    assert type(field.value.value) is type(value)


def walk(message: Message) -> Iterator[Field]:
    for field in message.fields:
        yield field
        if isinstance(field.value, Message):
            yield from walk(field.value)


@pytest.mark.parametrize("text", WELL_FORMED.values(), ids=WELL_FORMED)
def test_spans_are_the_tokens(text: str) -> None:
    for field in walk(textproto.parse(text)):
        assert field.name_span is not None
        assert field.value.span is not None
        assert field.span is not None
        assert "".join(field.name_span.text.replace("# here", "").split()) == field.name
        assert field.span.start == field.name_span.start
        assert field.span.end == field.value.span.end
        if isinstance(field.value, Scalar):
            assert field.value.span.text == field.value.text
        else:
            shown = field.value.span.text
            assert shown[0] + shown[-1] in ("{}", "<>")


def test_the_outermost_message_spans_the_text() -> None:
    message = textproto.parse(" a: 1 ", "net.prototxt")
    assert (message.start, message.end) == (0, 6)
    assert message.source is not None
    assert message.source.name == "net.prototxt"


def test_depth_up_to_the_limit_is_read() -> None:
    def text(depth: int) -> str:
        return "a{" * depth + "}" * depth

    textproto.parse(text(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(CompileError, match="nested too deeply") as caught:
            textproto.parse(text(depth))
        assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["T0110"]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a " * 300_000,
        "# " * 500_000,
        "a # " * 300_000,
        " " * 1_000_000 + "a",
        '"' * 500_001,
        "a: " + '"x" ' * 200_000 + "?",
        "a: '" + "\\" * 1_000_001,
        'a: "' + '\\"' * 500_000,
        "'\\\"" * 300_000,
        "a: " + "1" * 1_000_000,
        "a: -" + " " * 1_000_000,
        "[" * 500_000,
        "[a." * 300_000,
        "a: [" * 300_000,
        "a: [" + "1," * 300_000,
        "}" * 500_000,
        "{" * 500_000,
        "a: 1, " * 200_000 + ",",
        "a{\n" * 150 + "b{}" * 100_000,
        "\n" * 500_000 + "a",
    ],
    ids=lambda text: text[:8] + "…",
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    start = time.process_time()
    sink = Sink()
    textproto.parse_source(Source("x", text), sink)
    assert len(sink.diagnostics) <= MAX_ERRORS + 1
    assert time.process_time() - start < 5


@pytest.mark.parametrize("module", ["textproto", "json", "load", "detect"])
def test_reading_does_not_load_lark(module: str) -> None:
    command = f"import sys, transpiler.parsers.{module}; sys.exit('lark' in sys.modules)"
    subprocess.run([sys.executable, "-c", command], check=True)


# What Protocol Buffers itself makes of literals


@pytest.fixture(scope="module")
def literal_message() -> Any:
    """A message class with a string, bytes, double and int64 field, made at run time."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="literals.proto", package="tests")
    message = file.message_type.add(name="Literals")
    types = descriptor_pb2.FieldDescriptorProto
    for number, (name, kind) in enumerate(
        [("b", types.TYPE_BYTES), ("d", types.TYPE_DOUBLE), ("i", types.TYPE_INT64)], start=1
    ):
        message.field.add(name=name, number=number, type=kind, label=types.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tests.Literals"))


def value_of(text: str) -> Scalar:
    field = textproto.parse(text).fields[0]
    assert isinstance(field.value, Scalar)
    return field.value


@given(st.binary())
@example(bytes(range(256)))
def test_protocol_buffers_reads_our_bytes(literal_message: Any, value: Any) -> None:
    from google.protobuf import text_format

    text = f"b: {Scalar.make(value).text}"
    assert text_format.Parse(text, literal_message()).b == value


@given(st.binary(), st.booleans())
@example(bytes(range(256)), True)
def test_we_read_the_bytes_of_protocol_buffers(literal_message: Any, value: Any, as_utf8: bool) -> None:
    from google.protobuf import text_format

    text = text_format.MessageToString(literal_message(b=value), as_utf8=as_utf8)
    assert value_of(text).bytes_value == value


@given(st.floats(), st.integers(-(2**63), 2**63 - 1))
def test_numbers_agree_both_ways(literal_message: Any, double: float, integer: int) -> None:
    from google.protobuf import text_format

    theirs = text_format.MessageToString(literal_message(d=double))
    ours = f"d: {Scalar.make(double).text}"
    for text in (theirs, ours):
        if text:
            assert repr(float(value_of(text).value)) == repr(text_format.Parse(text, literal_message()).d)
    assert value_of(text_format.MessageToString(literal_message(i=integer))).value == integer
