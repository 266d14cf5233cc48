"""Laws of reading protobuf text, on generated trees, generated text and broken text."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transpiler.diagnostics import CompileError, Sink, Source
from transpiler.parsers import reference, textproto
from transpiler.parsers.textproto_builder import MAX_ERRORS
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Field, Message, Scalar, print_textproto

IDENTIFIERS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
NAMES = IDENTIFIERS | st.from_regex(r"\[[a-z]{1,3}(\.[a-z]{1,3}){0,2}(/[a-z]{1,3})?\]", fullmatch=True)
PLAIN = (
    st.text(max_size=8)
    | st.binary(max_size=8)
    | st.integers()
    | st.floats()
    | st.booleans()
    | IDENTIFIERS.map(Symbol)
)


def messages(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    fields = st.builds(Field.make, NAMES, values)
    return st.lists(fields, max_size=4).map(lambda found: Message(tuple(found)))


MESSAGES = st.recursive(messages(PLAIN), lambda inner: messages(PLAIN | inner), max_leaves=8)

SKIP = st.sampled_from(["", " ", "\n", "\t", "\r\n", " # a 'comment' { \n", "#\n"])
GAP = st.sampled_from([" ", "\n", " # b\n"])
LITERALS = st.sampled_from(
    ["0", "07", "0x1F", "-3", "- 4", "-#\n5", "1.5e3f", ".5", "5.", "-inf", "-nan", "inf", "true", "LMDB",
     "''", "'a' \"b\"", '"\\n\\x41\\101"', "'it\"s' # c\n 'é'"]
)  # fmt: skip


@st.composite
def written_fields(draw: st.DrawFn, depth: int = 0) -> str:
    pieces = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(
            st.sampled_from(["scalar", "list", "empty", "message", "messages"] if depth < 3 else ["scalar"])
        )
        name, skip = draw(NAMES), draw(SKIP)

        def inner(left: str = "{", right: str = "}") -> str:
            return f"{left}{draw(written_fields(depth + 1))}{draw(SKIP)}{right}"

        match kind:
            case "scalar":
                value = f":{draw(SKIP)}{draw(LITERALS)}"
            case "list":
                items = draw(st.lists(LITERALS, min_size=1, max_size=3))
                value = f":{draw(SKIP)}[{draw(SKIP)}{(draw(SKIP) + ',').join(items)}{draw(SKIP)}]"
            case "empty":
                value = draw(st.sampled_from([": []", "[]"]))
            case "message":
                brackets = draw(st.sampled_from([("{", "}"), ("<", ">")]))
                value = f"{draw(st.sampled_from([':', ': ', '']))}{inner(*brackets)}"
            case _:
                value = f"{draw(st.sampled_from([': ', '']))}[{inner()},{draw(SKIP)}{inner()}]"
        pieces.append(f"{name}{skip}{value}{draw(GAP)}{draw(st.sampled_from(['', ',', ';']))}{draw(SKIP)}")
    return "".join(pieces)


@given(MESSAGES)
def test_printed_messages_read_back(message: Message) -> None:
    assert textproto.parse(print_textproto(message)) == message


@given(written_fields())
def test_both_readers_agree_on_well_formed_text(text: str) -> None:
    message = textproto.parse(text)
    assert message == reference.parse_textproto(text)
    assert textproto.parse(print_textproto(message)) == message


PIECES = st.sampled_from(
    ["a", "b_1", " ", "\n", ":", "{", "}", "<", ">", "[", "]", ",", ";", "=", "1", "-", ".5", "08", "'", '"', "'x'",
     '"y"', "\\", "/", "//", "# c\n", "#", "inf", "-inf", "é", "\r\n", "\t", "?", "[a.b]"]
)  # fmt: skip
BROKEN = st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=40)


@settings(max_examples=300)
@given(BROKEN)
def test_both_readers_agree_on_what_is_well_formed(text: str) -> None:
    sink = Sink()
    message = textproto.parse_source(Source("x", text), sink)
    try:
        expected = reference.parse_textproto(text)
    except reference.GrammarError:
        assert sink.has_errors
        return
    # The grammar does not know which escapes exist.
    codes = {diagnostic.code for diagnostic in sink.diagnostics}
    assert codes <= {"T0108"}
    if not codes:
        assert message == expected


def walk(message: Message) -> Iterator[Field]:
    for field in message.fields:
        yield field
        if isinstance(field.value, Message):
            yield from walk(field.value)


@settings(max_examples=300)
@given(BROKEN)
def test_any_text_gives_a_tree_and_places_within_the_text(text: str) -> None:
    sink = Sink()
    message = textproto.parse_source(Source("x", text), sink)
    assert len(sink.diagnostics) <= MAX_ERRORS + 1
    for diagnostic in sink.diagnostics:
        spans = [
            diagnostic.span,
            *(span for span, _ in diagnostic.related),
            *(fix.span for fix in diagnostic.fixes),
        ]
        assert all(span is not None and 0 <= span.start <= span.end <= len(text) for span in spans)
    for field in walk(message):
        assert 0 <= field.start <= field.name_end <= field.value.start <= field.value.end <= len(text)
        if isinstance(field.value, Scalar):
            assert field.value.value is not None
            assert isinstance(field.value.bytes_value, bytes)
    if not sink.has_errors:
        assert textproto.parse(print_textproto(message)) == message


SEEDS = (
    b'name: "net" layer { name: "c" type: "Convolution" convolution_param { kernel_size: [3, 3] pad: 1 } }\n',
    b"# comment\nnode < op: 'Const' attr { key: 'v' value { f: -1.5e-3 } } >; [a.b/c] { x: inf }\n",
)


@pytest.mark.parametrize("seed", SEEDS)
def test_truncations_and_flipped_bytes_only_ever_raise_compile_errors(seed: bytes) -> None:
    broken = [seed[:length] for length in range(len(seed))]
    broken += [
        seed[:at] + bytes([seed[at] ^ (1 << bit)]) + seed[at + 1 :]
        for at in range(len(seed))
        for bit in range(8)
    ]
    for data in broken:
        with suppress(CompileError):
            textproto.parse(data.decode("latin-1"))
