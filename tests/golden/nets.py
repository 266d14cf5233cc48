"""Networks for golden files: small, and made so that one can be told from the other."""

from __future__ import annotations

from pathlib import Path

LAYERS = """
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 dim: 3 dim: 32 dim: 32 }} }} }}
layer {{
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  convolution_param {{
    num_output: {filters}
    kernel_size: 3
    pad: 1
    stride: 1
  }}
}}
layer {{ name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }}
layer {{
  name: "conv2"
  type: "Convolution"
  bottom: "conv1"
  top: "conv2"
  convolution_param {{
    num_output: 8
    kernel_size: 3
    stride: 1
    weight_filler {{ type: "xavier" }}
  }}
}}
layer {{ name: "pool" type: "Pooling" bottom: "conv2" top: "pool" pooling_param {{ kernel_size: 2 stride: 2 }} }}
layer {{ name: "scores" type: "InnerProduct" bottom: "pool" top: "scores" inner_product_param {{ num_output: 10 }} }}
layer {{ name: "prob" type: "Softmax" bottom: "scores" top: "prob" }}
"""
STRIDE_OF_CONV2 = 24
"""The line of the second convolution's stride."""


def net(number: int) -> str:
    return f'name: "net{number}"' + LAYERS.format(filters=4 + number)


def write_nets(folder: Path, count: int) -> None:
    for number in range(count):
        below = folder / f"family{number % 5}"
        below.mkdir(parents=True, exist_ok=True)
        (below / f"net{number:02}.prototxt").write_text(net(number))


def change(path: Path, old: str, new: str) -> None:
    """Replace a piece of a file that occurs once."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def change_line(path: Path, number: int, old: str, new: str) -> None:
    """Replace a piece of one line, counted from 1."""
    lines = path.read_text().split("\n")
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new)
    path.write_text("\n".join(lines))
