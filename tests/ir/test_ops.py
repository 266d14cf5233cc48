"""Ops as values: equal by fields, shared when changed alike, completed when first used."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest

from transpiler.ir import Op
from transpiler.ir.attributes import exactly
from transpiler.ir.op import fields_of, op
from transpiler.ops import fields as f
from transpiler.ops.activation import Clip, Relu
from transpiler.ops.convolution import Conv


@op("sample", "Test")
class Sample(Op):
    """A sample."""

    size: int = f.integer("a number", 1)


@op("finer_sample", "Test")
class FinerSample(Sample):
    """A sample with another field."""

    name_: str = f.text("a word", "x")


def test_a_class_that_inherits_fields_has_them_before_either_was_used() -> None:
    assert [field.name for field in fields_of(FinerSample)] == ["size", "name_"]
    assert FinerSample(size=2) == FinerSample(name_="x", size=2)


def test_ops_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Sample().size = 3  # type: ignore[misc]


def test_the_same_change_of_the_same_op_is_the_same_object() -> None:
    relu = Relu()
    assert relu.evolve(max_value=6.0) is relu.evolve(max_value=6.0)
    assert relu.evolve(max_value=6.0) == Relu(max_value=6.0)


def test_changes_that_differ_in_a_sign_of_zero_are_different() -> None:
    clip = Clip(low=-1.0, high=1.0)
    assert math.copysign(1, clip.evolve(high=0.0).high) != math.copysign(1, clip.evolve(high=-0.0).high)


def test_a_change_that_makes_no_sense_is_refused_each_time() -> None:
    conv = Conv(filters=1, kernel=(1, 1), strides=(1, 1), dilations=(1, 1))
    for _ in range(2):
        with pytest.raises(ValueError, match="filters"):
            conv.evolve(groups=2)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_copies_are_equal(again: Any) -> None:
    made = Relu(max_value=6.0)
    assert hash(made.evolve(threshold=1.0)) is not None
    assert again(made) == made
    assert hash(again(made)) == hash(made)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        ([1], (1,)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ("1", 1),
        (None, False),
    ],
    ids=str,
)
def test_keys_tell_apart_what_equality_does_not(left: object, right: object) -> None:
    assert exactly(left) == exactly(copy.deepcopy(left))
    assert exactly(left) != exactly(right)


def test_only_plain_data_have_keys() -> None:
    with pytest.raises(TypeError):
        exactly([object()])
