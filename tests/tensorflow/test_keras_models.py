"""The same network, read from Keras's JSON and from the graphs that Keras builds, is the same IR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tensorflow.applications import differences, forms
from tests.tensorflow.graphs import read_bytes
from tests.tensorflow.same_net import difference, keras_graph
from transpiler.diagnostics import Sink
from transpiler.parsers import textproto
from transpiler.passes.lower.tensorflow import lower

tf_keras = pytest.importorskip("tf_keras")


def small() -> Any:
    """One of many kinds of layer."""
    layers = tf_keras.layers
    x = given = tf_keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="c1")(x)
    x = layers.BatchNormalization(name="bn", momentum=0.9)(x)
    x = layers.SeparableConv2D(6, 3, padding="same")(x)
    x = layers.Dropout(0.3)(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.UpSampling2D(2)(x)
    x = layers.Conv2D(6, 3, dilation_rate=2, padding="same", activation="elu")(x)
    x = layers.Conv2DTranspose(5, 3, strides=2, padding="same")(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.ZeroPadding2D(((1, 2), (0, 1)))(x)
    x = layers.Cropping2D(((0, 1), (2, 0)))(x)
    x = layers.Add()([x, layers.Activation("swish")(x), layers.Activation("tanh")(x)])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Reshape((5, 1))(x)
    x = layers.Conv1D(4, 3, padding="same")(x)
    x = layers.Dense(3)(x)
    x = layers.Flatten()(x)
    return tf_keras.Model(given, layers.Dense(10, activation="softmax")(x))


def test_small_network_is_the_same_as_graph_and_as_function() -> None:
    assert differences(forms(small)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["VGG16", "MobileNet", "MobileNetV3Small", "ResNet50V2"])
def test_application_is_the_same_as_graph_and_as_function(name: str) -> None:
    build = getattr(tf_keras.applications, name)
    assert differences(forms(lambda: build(weights=None))) == []


def test_saved_model_is_read_in_every_wrapping(tmp_path: Path) -> None:
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2

    model = small()
    keras = keras_graph(model.to_json())
    tf.saved_model.save(model, str(tmp_path))
    data = (tmp_path / "saved_model.pb").read_bytes()
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString(data)
    graph = saved.meta_graphs[0]
    for form in (data, graph.SerializeToString(), graph.graph_def.SerializeToString()):
        assert difference(read_bytes(form), keras, traced=True) is None
    for message in (saved, graph, graph.graph_def):
        sink = Sink()
        module = lower(textproto.parse(text_format.MessageToString(message)), "net", sink)
        assert not sink.has_errors
        assert difference(module.graph(""), keras, traced=True) is None
    names = {node.name for node in read_bytes(data).nodes}
    assert {"model/c1", "model/bn", "model/dense"} <= {name.replace(model.name, "model") for name in names}
