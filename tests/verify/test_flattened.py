"""Kernels behind flattened images, converted between channels first and channels last: run on both sides.

What stands between the images and the dense layer passes the order of elements on, changes it, or mixes it with
others; whichever it is, both sides compute the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from transpiler.diagnostics import Source
from transpiler.driver.options import Options
from transpiler.verify.api import verify_source
from transpiler.verify.report import Report

IMAGE = """
layer { name: "image" type: "Input" top: "image" input_param { shape { dim: 2 dim: 3 dim: 7 dim: 6 } } }
layer { name: "conv" type: "Convolution" bottom: "image" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 } }
"""
DENSE = """
layer { name: "fc" type: "InnerProduct" bottom: "last" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
FLAT = 'layer { name: "flat" type: "Flatten" bottom: "conv" top: "flat" }'
CAFFE = {
    "nothing": 'layer { name: "relu" type: "ReLU" bottom: "conv" top: "last" }',
    "flatten": 'layer { name: "flat" type: "Flatten" bottom: "conv" top: "last" }',
    "dropout": FLAT + 'layer { name: "drop" type: "Dropout" bottom: "flat" top: "last" }',
    "batch norm of the images": """
        layer { name: "norm" type: "BatchNorm" bottom: "conv" top: "norm" }
        layer { name: "scale" type: "Scale" bottom: "norm" top: "scale" scale_param { bias_term: true } }
        layer { name: "flat" type: "Flatten" bottom: "scale" top: "last" }""",
    "batch norm of the vectors": FLAT + """
        layer { name: "norm" type: "BatchNorm" bottom: "flat" top: "norm" }
        layer { name: "scale" type: "Scale" bottom: "norm" top: "last" scale_param { bias_term: true } }""",
    "a slope for each element": FLAT + 'layer { name: "slopes" type: "PReLU" bottom: "flat" top: "last" }',
    "concat of images": """
        layer { name: "side" type: "Convolution" bottom: "image" top: "side"
          convolution_param { num_output: 3 kernel_size: 3 } }
        layer { name: "both" type: "Concat" bottom: "conv" bottom: "side" top: "last" }""",
    "concat of vectors": FLAT + """
        layer { name: "pool" type: "Pooling" bottom: "image" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
        layer { name: "flat2" type: "Flatten" bottom: "pool" top: "flat2" }
        layer { name: "extra" type: "InnerProduct" bottom: "image" top: "extra" inner_product_param { num_output: 3 } }
        layer { name: "both" type: "Concat" bottom: "flat2" bottom: "extra" bottom: "flat" top: "last" }""",
    "reshape to vectors": """
        layer { name: "shape" type: "Reshape" bottom: "conv" top: "last"
          reshape_param { shape { dim: 0 dim: -1 } } }""",
    "reshape that mixes axes": """
        layer { name: "shape" type: "Reshape" bottom: "conv" top: "last"
          reshape_param { shape { dim: 0 dim: 2 dim: -1 dim: 5 } } }""",
    "a sum of vectors": FLAT + """
        layer { name: "flat2" type: "Flatten" bottom: "conv" top: "flat2" }
        layer { name: "tanh" type: "TanH" bottom: "flat2" top: "tanh" }
        layer { name: "sum" type: "Eltwise" bottom: "flat" bottom: "tanh" top: "last" }""",
    "a part of the vectors": FLAT + """
        layer { name: "slice" type: "Slice" bottom: "flat" top: "last" top: "rest" slice_param { slice_point: 33 } }
        layer { name: "silence" type: "Silence" bottom: "rest" }""",
    "a second dense layer": FLAT + """
        layer { name: "fc1" type: "InnerProduct" bottom: "flat" top: "last" inner_product_param { num_output: 6 } }""",
}  # fmt: skip


def checked(report: Report, *, notes: bool = False) -> None:
    """Everything is the same, the result was among it, and both sides ran in frameworks of their own (no notes)."""
    assert report.agrees, report.verdict
    assert bool(report.notes) is notes
    assert any(row.is_output for row in report.rows)


@pytest.mark.parametrize("target", ["keras", "tensorflow"])
@pytest.mark.parametrize("between", CAFFE)
def test_from_channels_first_to_channels_last(between: str, target: str) -> None:
    source = Source("net", IMAGE + CAFFE[between] + DENSE)
    checked(verify_source(source, target, Options(source_format="caffe"), tolerance=1e-5))


Layers = Callable[[Any, Any, Any], Any]
"""From Keras, the images and what a convolution made of them, to what the dense layer is given."""
KERAS: dict[str, Layers] = {
    "nothing": lambda k, image, x: k.layers.Flatten()(x),
    "dropout": lambda k, image, x: k.layers.Dropout(0.5)(k.layers.Flatten()(x)),
    "batch norm of the images": lambda k, image, x: k.layers.Flatten()(k.layers.BatchNormalization()(x)),
    "batch norm of the vectors": lambda k, image, x: k.layers.BatchNormalization()(k.layers.Flatten()(x)),
    "concat of images": lambda k, image, x: k.layers.Flatten()(
        k.layers.Concatenate()([x, k.layers.Conv2D(3, 3, activation="relu")(image)])
    ),
    "concat of vectors": lambda k, image, x: k.layers.Concatenate()(
        [k.layers.Flatten()(k.layers.MaxPooling2D(2, strides=1)(image)), k.layers.Flatten()(x)]
    ),
    "reshape to vectors": lambda k, image, x: k.layers.Reshape((80,))(x),
    "reshape that mixes axes": lambda k, image, x: k.layers.Flatten()(k.layers.Reshape((4, 10, 2))(x)),
    "global pooling": lambda k, image, x: k.layers.GlobalAveragePooling2D()(x),
    "permute": lambda k, image, x: k.layers.Flatten()(k.layers.Permute((3, 1, 2))(x)),
}
READ_BACK = ("reshape that mixes axes",)
"""What Caffe says with Im2col, which OpenCV does not have: it is read back and run in Keras."""


@pytest.mark.parametrize("between", KERAS)
def test_from_channels_last_to_channels_first(between: str) -> None:
    keras = pytest.importorskip("keras")
    keras.backend.clear_session()
    image = keras.Input((7, 6, 3), batch_size=2, name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    result = keras.layers.Dense(5, activation="softmax", name="fc")(KERAS[between](keras, image, x))
    source = Source("net", keras.Model(image, result).to_json())
    report = verify_source(source, "caffe", Options(source_format="keras"), tolerance=1e-5)
    checked(report, notes=between in READ_BACK)
