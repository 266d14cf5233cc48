import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transpiler.syntax.json import (
    JsonArray,
    JsonObject,
    JsonScalar,
    from_python,
    print_json,
    print_python,
    span_at,
    to_python,
)

DEEP = 10_000
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@given(VALUES)
def test_python_values_survive(value: Any) -> None:
    assert to_python(from_python(value)) == value
    assert json.loads(print_json(from_python(value))) == value


@given(VALUES | st.floats())
def test_python_values_print_as_their_trees_do(value: Any) -> None:
    assert print_python(value) == print_json(from_python(value))


def test_deep_python_values_print_as_their_trees_do() -> None:
    value = nested(DEEP)
    assert print_python(value) == print_json(from_python(value))


@pytest.mark.parametrize(
    ("value", "error"),
    [({1: 2}, TypeError), ([object()], TypeError), (CYCLE, ValueError)],
    ids=["key", "object", "cycle"],
)
def test_what_json_cannot_hold_is_not_printed(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        print_python(value)


@given(VALUES, st.sampled_from([None, 1, 4]))
def test_printing_looks_like_that_of_the_standard_library(value: Any, indent: int | None) -> None:
    assert print_json(from_python(value), indent) == json.dumps(value, indent=indent) + "\n"


def test_numbers_that_json_lacks_are_written_as_keras_writes_them() -> None:
    node = from_python([math.nan, math.inf, -math.inf])
    assert print_json(node, None) == "[NaN, Infinity, -Infinity]\n"
    assert node == from_python([math.nan, math.inf, -math.inf])


def test_equality_is_strict_about_types() -> None:
    assert from_python(1) != from_python(1.0)
    assert from_python(1) != from_python(True)
    assert from_python("1") != from_python(1)
    assert from_python([]) != from_python({})
    assert from_python({"a": 1, "b": 2}) != from_python({"b": 2, "a": 1})
    assert from_python([[1], 2]) != from_python([[1, 2]])
    assert from_python((1, 2)) == from_python([1, 2])


def test_depth_needs_no_recursion() -> None:
    left, right = from_python(nested(DEEP)), from_python(nested(DEEP))
    assert left == right
    assert hash(left) == hash(right)
    assert len(print_json(left, None)) == 2 * DEEP + 3
    assert isinstance(to_python(left), list)


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        from_python({"a": {1}})
    with pytest.raises(TypeError, match="keys"):
        from_python({1: 2})
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        from_python(loop)
    shared: list[Any] = []
    assert to_python(from_python([shared, shared])) == [[], []]


def test_last_member_counts() -> None:
    node = from_python({"a": 1})
    assert isinstance(node, JsonObject)
    member = node.last("a")
    assert member is not None
    assert member.value == JsonScalar(1)
    assert node.last("b") is None


def test_made_nodes_have_no_place() -> None:
    node = from_python({"a": [1]})
    assert span_at(node, ["a", 0]) is None
    assert JsonArray().span is None
