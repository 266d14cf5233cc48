"""Generated networks of any size, as prototxt: a chain, residual blocks, and one layer with very many branches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

_INPUT: Final = """name: "{name}"
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 dim: 8 dim: 16 dim: 16 }} }} }}
"""
_CONVOLUTION: Final = """layer {{
  name: "conv{i}" type: "Convolution" bottom: "{bottom}" top: "conv{i}"
  convolution_param {{ num_output: 8 kernel_size: 3 pad: 1 stride: 1 }}
}}
"""
_RELU: Final = """layer {{ name: "relu{i}" type: "ReLU" bottom: "conv{i}" top: "conv{i}" }}
"""
_ADD: Final = """layer {{ name: "add{i}" type: "Eltwise" bottom: "{left}" bottom: "conv{i}" top: "add{i}" }}
"""
_IN_A_BRANCH: Final = 2
_IN_A_BLOCK: Final = 3


def chain(layers: int) -> str:
    """Convolutions and activations, one after the other."""
    return _net("chain", _chained(layers))


def residual(layers: int) -> str:
    """Blocks of convolution, activation and addition to what came before."""
    return _net("residual", _blocks(layers))


def wide(layers: int) -> str:
    """Branches of a convolution and an activation, all from the input, all joined by one layer."""
    return _net("wide", _branches(layers))


NETS: Final[Mapping[str, Callable[[int], str]]] = {"chain": chain, "residual": residual, "wide": wide}
"""Name -> the text of a network of about so many layers."""


def _net(name: str, layers: Iterator[str]) -> str:
    return "".join((_INPUT.format(name=name), *layers))


def _chained(layers: int) -> Iterator[str]:
    bottom = "data"
    for i in range(layers // _IN_A_BRANCH):
        yield _CONVOLUTION.format(i=i, bottom=bottom)
        yield _RELU.format(i=i)
        bottom = f"conv{i}"


def _blocks(layers: int) -> Iterator[str]:
    bottom = "data"
    for i in range(layers // _IN_A_BLOCK):
        yield _CONVOLUTION.format(i=i, bottom=bottom)
        yield _RELU.format(i=i)
        yield _ADD.format(i=i, left=bottom)
        bottom = f"add{i}"


def _branches(layers: int) -> Iterator[str]:
    count = layers // _IN_A_BRANCH
    for i in range(count):
        yield _CONVOLUTION.format(i=i, bottom="data")
        yield _RELU.format(i=i)
    bottoms = "".join(f' bottom: "conv{i}"' for i in range(count))
    yield f'layer {{ name: "join" type: "Concat"{bottoms} top: "join" }}\n'
