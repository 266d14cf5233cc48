import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Field, Message, Scalar, ScalarKind, print_textproto

DEEP = 10_000


def nested(depth: int) -> Message:
    message = Message()
    for _ in range(depth):
        message = Message((Field.make("a", message),))
    return message


def test_printing() -> None:
    message = Message(
        (
            Field.make("name", 'a "b"\n'),
            Field.make("layer", Message((Field.make("num_output", 20), Field.make("pool", Symbol("MAX"))))),
            Field.make("bias_term", False),
            Field.make("[a.b/c.d]", Message()),
        )
    )
    assert print_textproto(message) == (
        'name: "a \\"b\\"\\n"\nlayer {\n  num_output: 20\n  pool: MAX\n}\nbias_term: false\n[a.b/c.d] {\n}\n'
    )


def test_looking_up_fields() -> None:
    message = Message((Field.make("dim", 1), Field.make("x", 0), Field.make("dim", 2)))
    assert [field.value for field in message.all("dim")] == [Scalar.make(1), Scalar.make(2)]
    last = message.last("dim")
    assert last is not None
    assert last.value == Scalar.make(2)
    assert message.last("y") is None
    assert message.all("y") == []


def test_equality_ignores_places_and_spelling_but_not_kinds() -> None:
    assert Scalar("0x10", ScalarKind.NUMBER, None, 5) == Scalar("16", ScalarKind.NUMBER)
    assert Scalar("'a' \"b\"", ScalarKind.STRING) == Scalar('"ab"', ScalarKind.STRING)
    assert Scalar.make(1) != Scalar.make(1.0)
    assert Scalar.make("MAX") != Scalar.make(Symbol("MAX"))
    assert Scalar.make(math.nan) == Scalar.make(math.nan)
    assert Field.make("a", 1) != Field.make("b", 1)
    assert Message((Field.make("a", Message()), Field.make("b", 1))) != Message(
        (Field.make("a", Message((Field.make("b", 1),))),)
    )
    assert Message() != "not a message"


def test_depth_needs_no_recursion() -> None:
    left, right = nested(DEEP), nested(DEEP)
    assert left == right
    assert hash(left) == hash(right)
    assert left != nested(DEEP - 1)
    assert len(print_textproto(nested(300))) > 300


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (7, "7"),
        (-7, "-7"),
        (0.01, "0.01"),
        (1.0, "1.0"),
        (1e-05, "1e-05"),
        (struct.unpack("<f", struct.pack("<f", 0.1))[0], "0.1"),
        (1 / 3, "0.3333333333333333"),
        (1e300, "1e+300"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (Symbol("LMDB"), "LMDB"),
        ("", '""'),
        ("日本", '"日本"'),
        ("\x01\udc80", '"\\001\\200"'),
        (b"\x00\xff", '"\\000\\377"'),
    ],
)
def test_python_values_are_written_canonically(value: Any, text: str) -> None:
    assert Scalar.make(value).text == text


@pytest.mark.parametrize("name", ["", "a b", "1a", "a-b", "[", "[]", "a\n", "é", "[a b]"])
def test_names_that_cannot_be_written_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a field name"):
        Field.make(name, 1)


def test_values_that_cannot_be_written_are_refused() -> None:
    with pytest.raises(ValueError, match="not an identifier"):
        Scalar.make(Symbol("a b"))
    with pytest.raises(TypeError):
        Scalar.make([1])  # type: ignore[arg-type]


def test_symbols_are_strings_of_their_own_type() -> None:
    assert Symbol("MAX") == "MAX"
    assert isinstance(Scalar.make(Symbol("MAX")).value, Symbol)
    assert not isinstance(Scalar.make("MAX").value, Symbol)
    assert repr(Symbol("MAX")) == "Symbol('MAX')"


def test_made_nodes_have_no_place() -> None:
    field = Field.make("a", Message())
    assert field.span is field.name_span is field.value.span is Scalar.make(1).span is None


@given(st.floats(allow_nan=False))
def test_floats_read_back(value: Any) -> None:
    back = float(Scalar.make(value).text)
    assert back == value or struct.pack("<f", back) == struct.pack("<f", value)


@given(st.floats(width=32, allow_nan=False))
def test_float32_values_read_back_as_float32(value: Any) -> None:
    assert struct.pack("<f", float(Scalar.make(value).text)) == struct.pack("<f", value)


@given(st.text())
def test_strings_read_back(value: Any) -> None:
    assert Scalar.make(value).bytes_value.decode("utf-8", "surrogatepass") == value


@given(st.binary())
def test_bytes_read_back(value: Any) -> None:
    scalar = Scalar.make(value)
    assert scalar.bytes_value == value
    assert scalar.value == value.decode("utf-8", "surrogateescape")
