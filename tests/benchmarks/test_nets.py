"""Generated networks have the size that is asked for, and every target takes them."""

from __future__ import annotations

import pytest

import transpiler
from benchmarks.nets import NETS
from transpiler.diagnostics import Source

ROUNDING = 3
"""Blocks of layers are whole, and there is an input and perhaps a join besides."""


@pytest.mark.parametrize("shape", NETS)
@pytest.mark.parametrize("layers", [30, 300])
def test_size(shape: str, layers: int) -> None:
    assert abs(NETS[shape](layers).count("layer {") - layers) <= ROUNDING


@pytest.mark.parametrize("target", ["keras", "caffe", "ir"])
@pytest.mark.parametrize("shape", NETS)
def test_conversion(shape: str, target: str) -> None:
    made = transpiler.convert(Source("net.prototxt", NETS[shape](30)), to=target)
    assert made.text
    assert not made.diagnostics
