"""Records that are equal whatever stands beside them."""

from __future__ import annotations

import msgspec
import pytest

from transpiler.diagnostics import Source, Span
from transpiler.dialects.keras.model import TensorRef
from transpiler.ir.graph import Origin
from transpiler.syntax.json import JsonScalar
from transpiler.syntax.textproto import Field

HERE, THERE = (Span(Source(name, "text"), 0, 4) for name in ("here", "there"))
NAME = Field.make("name", "net")


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (Origin("conv1", "Convolution", HERE), Origin("conv1", "Convolution", THERE)),
        (TensorRef("conv1", shape=(None, 3)), TensorRef("conv1", shape=None, dtype="float32")),
        (JsonScalar(1, HERE.source, 0, 1), JsonScalar(1)),
        (msgspec.structs.replace(NAME, source=HERE.source, start=3), NAME),
    ],
)
def test_where_a_thing_stands_is_no_part_of_what_it_is(one: object, same: object) -> None:
    assert one == same
    assert not one != same  # noqa: SIM202 - `!=` is another method
    assert hash(one) == hash(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Origin("conv1", "Convolution"), Origin("conv2", "Convolution")),
        (Origin("conv1", "Convolution"), ("conv1", "Convolution", None)),
        (TensorRef("conv1", 0), TensorRef("conv1", 1)),
        (JsonScalar(1), JsonScalar(True)),
        (NAME, Field.make("type", "net")),
    ],
)
def test_what_differs_is_unequal(one: object, other: object) -> None:
    assert one != other
    assert not one == other  # noqa: SIM201 - `==` is another method
