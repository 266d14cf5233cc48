"""The comparison of networks finds what it is there to find."""

from __future__ import annotations

import pytest

from tests.zoo.structure import differences, normal_form
from transpiler.builder import Network
from transpiler.ir import Module


def _network(filters: int = 4, *, crossed: bool = False, noisy: bool = False, name: str = "a") -> Module:
    net = Network("net")
    image = net.input("image", (3, 8, 8))
    x = net.relu(net.conv(image, filters, 3, padding="same", name=name))
    y = net.conv(x, 4, 3, padding="same")
    if noisy:
        y = net.dropout(y)
    z = net.conv(x if crossed else y, 4, 3, padding="same")
    return net.module(net.add(y, z))


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (_network(name="other"), {}),
        (_network(5), {"conv.filters: theirs 5, ours 4": 1, "gives another shape": 2}),
        (_network(noisy=True), {"only theirs: dropout": 1}),
        (_network(crossed=True), {"conv reads other layers": 1}),
    ],
    ids=["names", "a field", "a layer", "wiring"],
)
def test_differences(theirs: Module, expected: dict[str, int]) -> None:
    assert differences(normal_form(theirs, {}), normal_form(_network(), {})) == expected
