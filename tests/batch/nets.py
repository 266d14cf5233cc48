"""Small networks, as many as wanted: number and kind decide every one of them, now and always."""

from __future__ import annotations

import json
import random
from pathlib import Path

BROKEN = 40, 20
"""Networks whose number leaves 20 when divided by 40 have an error in them."""


def caffe_net(number: int) -> str:
    """A few convolutions, activations and poolings, and a classifier."""
    draw = random.Random(number)
    layers = [_input(draw)]
    last, size = "data", 32
    for block in range(draw.randint(1, 3)):
        layers += [_convolution(draw, f"conv{block}", last), _in_place(draw, f"act{block}", f"conv{block}")]
        last = f"conv{block}"
        if size > 8 and draw.random() < 0.7:
            layers.append(
                f'layer {{ name: "pool{block}" type: "Pooling" bottom: "{last}" top: "pool{block}"'
                f" pooling_param {{ pool: {draw.choice(('MAX', 'AVE'))} kernel_size: 2 stride: 2 }} }}"
            )
            last, size = f"pool{block}", size // 2
    classes = draw.randint(2, 100)
    bottom = "nowhere" if number % BROKEN[0] == BROKEN[1] else last
    layers.append(
        f'layer {{ name: "scores" type: "InnerProduct" bottom: "{bottom}" top: "scores"'
        f" inner_product_param {{ num_output: {classes} }} }}"
    )
    layers.append('layer { name: "prob" type: "Softmax" bottom: "scores" top: "prob" }')
    return "\n".join([f'name: "net{number}"', *layers, ""])


def _input(draw: random.Random) -> str:
    channels = draw.choice((1, 3))
    shape = f"dim: 1 dim: {channels} dim: 32 dim: 32"
    return f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {shape} }} }} }}'


def _convolution(draw: random.Random, name: str, bottom: str) -> str:
    kernel = draw.choice((1, 3, 5))
    param = (
        f"num_output: {draw.randint(4, 64)}\n    kernel_size: {kernel}\n    pad: {kernel // 2}\n    stride: 1"
    )
    return (
        f'layer {{\n  name: "{name}"\n  type: "Convolution"\n  bottom: "{bottom}"\n  top: "{name}"\n'
        f"  convolution_param {{\n    {param}\n  }}\n}}"
    )


def _in_place(draw: random.Random, name: str, blob: str) -> str:
    kind = draw.choice(("ReLU", "TanH", "Sigmoid"))
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{blob}" top: "{blob}" }}'


def keras_net(number: int) -> str:
    """A Sequential model of dense layers, as Keras 3 writes it."""
    draw = random.Random(number)
    name = f"model{number}"
    first = {"batch_shape": [None, draw.randint(2, 64)], "dtype": "float32", "name": "features"}
    layers = [{"class_name": "InputLayer", "config": first}]
    for index in range(draw.randint(2, 6)):
        config = {
            "name": f"dense{index}",
            "units": draw.randint(1, 99),
            "activation": draw.choice(("relu", "tanh")),
        }
        layers.append({"class_name": "Dense", "config": config})
    model = {"class_name": "Sequential", "config": {"name": name, "layers": layers}, "keras_version": "3.0.0"}
    return json.dumps(model, indent=1)


def chain(length: int) -> str:
    """A Caffe net of so many layers: a file that takes a while."""
    lines = [
        'name: "chain"',
        'layer { name: "r0" type: "Input" top: "r0" input_param { shape { dim: 1 dim: 8 } } }',
    ]
    lines += [
        f'layer {{ name: "r{i}" type: "ReLU" bottom: "r{i - 1}" top: "r{i}" }}' for i in range(1, length + 1)
    ]
    return "\n".join([*lines, ""])


def write_nets(folder: Path, count: int, in_one: int = 100) -> None:
    """Write `count` networks, `in_one` to a directory; one of eight is a Keras model, the others are Caffe nets."""
    for number in range(count):
        below = folder / f"set{number // in_one:04}"
        below.mkdir(parents=True, exist_ok=True)
        if number % 8 == 7:
            (below / f"model{number:06}.json").write_text(keras_net(number))
        else:
            (below / f"net{number:06}.prototxt").write_text(caffe_net(number))
