"""Whole networks as graphs: they import, have the shapes we state, and run; and what their nodes are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import transpiler
from tests.tensorflow_write.running import convert, drawn, session, shapes, tensor, tf
from transpiler.diagnostics import CompileError
from transpiler.driver.options import Options
from transpiler.emitters.tensorflow import write
from transpiler.emitters.tensorflow_binary import encode
from transpiler.ir import Module
from transpiler.syntax.textproto import print_textproto

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
SOME = [
    CORPUS / name
    for name in (
        "caffe/bvlc_mnist_lenet.prototxt",
        "caffe/deepdetect_shufflenet_deploy.prototxt",
        "caffe/x2paddle_mtcnn_det1.prototxt",
        "caffe/netscope_cwlacewe_1d_lstm.prototxt",
        "caffe/intel_dcgan_generator.prototxt",
        "keras/dermai_b.json",
        "keras/dl4j_keras2_permute_retina_unet.json",
        "keras/fabrik_shapeCheck3D.json",
        "keras/kerasjs_mnist_vae.json",
        "keras/dl4j_keras1_lstm_tddense.json",
    )
]
"""A few of each kind; tools in this folder run all of them."""

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
layer { name: "ip" type: "InnerProduct" bottom: "norm1" top: "ip" inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
@pytest.mark.parametrize("path", SOME, ids=lambda path: path.stem)
def test_corpus_net_runs(path: Path) -> None:
    made = convert(path)
    stated = [None if value.type.shape is None else list(value.type.shape) for value in made.legal.outputs]
    with session(made.text) as running:
        assert shapes(running, made.written.outputs) == stated
        running.run("init")
        found = running.run(
            [tensor(running, name) for name in made.written.outputs], drawn(running, made.written)
        )
    assert all(np.isfinite(array).all() for array in found)


def test_layers_are_scopes(net: Path) -> None:
    made = convert(net)
    with session(made.text) as running:
        kinds = {
            node.name: node.type for node in running.graph.get_operations() if "Initializer" not in node.name
        }
    assert kinds == {
        "data": "Placeholder",
        "conv1/pad": "Pad",
        "conv1/pad/paddings": "Const",
        "conv1/kernel": "VarHandleOp",
        "conv1/kernel/Assign": "AssignVariableOp",
        "conv1/bias": "VarHandleOp",
        "conv1/bias/Assign": "AssignVariableOp",
        "conv1/Conv2D": "Conv2D",
        "conv1/Conv2D/ReadVariableOp": "ReadVariableOp",
        "conv1/BiasAdd": "BiasAdd",
        "conv1/BiasAdd/ReadVariableOp": "ReadVariableOp",
        "relu1": "Relu",
        "norm1": "LRN",
        "ip/flatten": "Reshape",
        "ip/flatten/shape": "Const",
        "ip/kernel": "VarHandleOp",
        "ip/kernel/Assign": "AssignVariableOp",
        "ip/bias": "VarHandleOp",
        "ip/bias/Assign": "AssignVariableOp",
        "ip/MatMul": "MatMul",
        "ip/MatMul/ReadVariableOp": "ReadVariableOp",
        "ip/BiasAdd": "BiasAdd",
        "ip/BiasAdd/ReadVariableOp": "ReadVariableOp",
        "prob": "Softmax",
        "init": "NoOp",
    }
    assert made.written.outputs == ("prob",)
    assert dict(made.written.inputs) == {"data": "data"}


def test_lrn_divides_alpha_by_the_number_of_neighbours(net: Path) -> None:
    with session(convert(net).text) as running:
        node = running.graph.get_operation_by_name("norm1")
        assert node.get_attr("depth_radius") == 2
        assert node.get_attr("alpha") == pytest.approx(2e-5)


def test_the_data_format_can_be_chosen(net: Path) -> None:
    with session(convert(net, Options(data_format="channels_first")).text) as running:
        assert running.graph.get_operation_by_name("conv1/Conv2D").get_attr("data_format") == b"NCHW"
        assert tensor(running, "data").shape.as_list() == [None, 3, 8, 8]


def test_binary_and_text_are_one_graph(net: Path) -> None:
    from google.protobuf import text_format

    made = convert(net)
    text, binary = tf.compat.v1.GraphDef(), tf.compat.v1.GraphDef()
    text_format.Parse(made.text, text)
    binary.ParseFromString(encode(made.written.message))
    assert text == binary


def test_shapes_of_outputs_can_be_noted(net: Path) -> None:
    from google.protobuf import text_format

    made = convert(net)
    noted = write(Module("net", "caffe", {"": made.legal}), output_shapes=True)
    graph = tf.compat.v1.GraphDef()
    text_format.Parse(print_textproto(noted.message), graph)
    (prob,) = [node for node in graph.node if node.name == "prob"]
    assert [dim.size for dim in prob.attr["_output_shapes"].list.shape[0].dim] == [-1, 2]


def test_graphs_with_noted_shapes_import(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    x = keras.Input((8, 8, 4))
    y = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, groups=2)(x))
    a, b = keras.ops.split(y, 2, axis=-1)
    values, places = keras.ops.top_k(keras.layers.Flatten()(a), 3)
    steps = keras.layers.GRU(3)(keras.layers.Reshape((-1, 2))(b))
    model = keras.Model(x, [values, places, steps])
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    made = convert(path)
    noted = write(Module("net", "keras", {"": made.legal}), output_shapes=True)
    with session(print_textproto(noted.message)) as running:
        assert shapes(running, noted.outputs) == shapes(running, made.written.outputs)
        counts = {node.type: len(node.outputs) for node in running.graph.get_operations()}
    assert (counts["FusedBatchNormV3"], counts["TopKV2"]) == (6, 2)


def test_an_output_that_is_read_inside_has_a_node_of_its_own(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    inputs = keras.Input((3,))
    middle = keras.layers.Dense(2, name="middle")(inputs)
    model = keras.Model(inputs, [middle, keras.layers.Activation("relu", name="last")(middle)])
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    assert convert(path).written.outputs == ("middle/output", "last")


def test_all_offenders_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        NET.replace('"LRN"', '"Mystery"')
        + 'layer { name: "p" type: "Reorg" bottom: "conv1" top: "p" reorg_param { stride: 2 } }'
    )
    with pytest.raises(CompileError) as caught:
        transpiler.convert(path, "tensorflow")
    errors = [one for one in caught.value.diagnostics if one.code in ("T5001", "T5002")]
    assert len(errors) == 2
    assert all(one.span is not None for one in errors)


def test_fillers_are_not_reported_as_lost(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(NET.replace("stride: 2", 'stride: 2 weight_filler { type: "xavier" }'))
    assert not transpiler.convert(path, "tensorflow").diagnostics


def test_shared_arrays_are_one_variable(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    dense = keras.layers.Dense(3, name="twice")
    inputs = keras.Input((3,))
    model = keras.Model(inputs, dense(dense(inputs)))
    path = tmp_path / "model.json"
    path.write_text(model.to_json())
    made = convert(path)
    assert [stored.name for stored in made.written.variables] == ["twice/kernel", "twice/bias"]
