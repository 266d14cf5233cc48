"""Idioms as the real TensorFlow writes them, each raised to its layer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tensorflow.graphs import built, counts, ops, read_bytes, traced
from transpiler.ir import Graph
from transpiler.ops.activation import Affine, HardSigmoid, Relu, Swish
from transpiler.ops.convolution import Conv, ConvTranspose, SeparableConv
from transpiler.ops.normalization import BatchNorm, LayerNorm
from transpiler.ops.regularization import Dropout
from transpiler.ops.windows import Explicit, Same

pytest.importorskip("tensorflow")
SHAPE = (None, 8, 8, 4)


def x_of(tf: Any, *shape: int | None) -> Any:
    return tf.placeholder("float32", shape or SHAPE, name="x")


def weights(tf: Any, name: str, *shape: int) -> Any:
    return tf.get_variable(name, shape)


def only(graph: Graph, kind: type) -> Any:
    (op,) = [node.op for node in graph.nodes if isinstance(node.op, kind)]
    return op


def test_convolution_takes_its_scope_and_its_bias() -> None:
    def build(tf: Any) -> None:
        x = x_of(tf)
        with tf.variable_scope("conv1"):
            y = tf.nn.conv2d(x, weights(tf, "kernel", 3, 3, 4, 6), [1, 2, 2, 1], "SAME")
            tf.nn.relu(tf.nn.bias_add(y, weights(tf, "bias", 6)))

    graph = built(build)
    assert ops(graph) == ["input", "conv", "relu"]
    node = graph.nodes[1]
    assert node.name == "conv1"
    assert [(use.role, use.symbol) for use in node.params] == [
        ("kernel", "conv1/kernel"),
        ("bias", "conv1/bias"),
    ]
    op = only(graph, Conv)
    assert (op.filters, op.kernel, op.strides, op.padding) == (6, (3, 3), (2, 2), Same())


def test_a_constant_kernel_is_a_parameter_whose_array_is_kept() -> None:
    import numpy as np
    import tensorflow as tf

    from transpiler.diagnostics import Sink
    from transpiler.passes.lower.tensorflow import lower

    graph = tf.Graph()
    kernel = np.arange(36, dtype="f4").reshape(3, 3, 4, 1)
    with graph.as_default():
        tf.nn.conv2d(x_of(tf.compat.v1), tf.constant(kernel, name="w"), 1, "VALID", name="conv")
    module = lower(graph.as_graph_def().SerializeToString(), "net", Sink())
    assert ops(module.graph("")) == ["input", "conv"]
    stored: Any = module.constants["w"]
    assert (stored.load() == kernel).all()


def test_explicit_padding_and_channels_first() -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, None, 4, 8, 8)
        pads = [[0, 0], [0, 0], [1, 2], [0, 1]]
        tf.nn.conv2d(x, weights(tf, "w", 3, 3, 2, 6), [1, 1, 1, 1], pads, data_format="NCHW")

    op = only(built(build), Conv)
    assert (op.groups, op.padding, op.data_format.value) == (2, Explicit(((1, 2), (0, 1))), "channels_first")


@pytest.mark.parametrize("rate", [2, 3])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_dilation_by_blocks_is_folded(rate: int, padding: str) -> None:
    def build(tf: Any) -> None:
        tf.nn.atrous_conv2d(x_of(tf, None, 12, 12, 4), weights(tf, "w", 3, 3, 4, 5), rate, padding)

    graph = built(build)
    assert ops(graph) == ["input", "conv"]
    assert only(graph, Conv).dilations == (rate, rate)
    assert (only(graph, Conv).padding == Same()) == (padding == "SAME")


def test_separable_and_transposed_convolutions() -> None:
    def build(tf: Any) -> None:
        x = x_of(tf)
        with tf.variable_scope("sep"):
            y = tf.nn.separable_conv2d(
                x, weights(tf, "d", 3, 3, 4, 2), weights(tf, "p", 1, 1, 8, 5), [1, 1, 1, 1], "SAME"
            )
        with tf.variable_scope("up"):
            tf.nn.conv2d_transpose(y, weights(tf, "w", 3, 3, 6, 5), [2, 16, 16, 6], 2, "SAME")

    graph = built(build)
    assert ops(graph) == ["input", "separable_conv", "conv_transpose"]
    assert only(graph, SeparableConv).multiplier == 2
    assert only(graph, ConvTranspose).padding == Same()


def test_transposed_convolution_of_another_size_is_cropped_in_numbers() -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, 2, 4, 4, 5)
        tf.nn.conv2d_transpose(x, weights(tf, "w", 3, 3, 6, 5), [2, 7, 7, 6], 2, "SAME")

    graph = built(build)
    assert only(graph, ConvTranspose).padding == Explicit(((1, 1), (1, 1)))
    assert graph.outputs[0].type.shape == (2, 7, 7, 6)


def test_batch_normalization_spelled_out_with_each_choice_of_gamma_and_beta() -> None:
    for scale in (True, False):
        for center in (True, False):

            def build(tf: Any, scale: bool = scale, center: bool = center) -> None:
                mean, variance = weights(tf, "mean", 4), weights(tf, "variance", 4)
                gamma = weights(tf, "gamma", 4) if scale else None
                beta = weights(tf, "beta", 4) if center else None
                tf.nn.batch_normalization(x_of(tf), mean, variance, beta, gamma, 0.01)

            op = only(built(build), BatchNorm)
            assert (op.axis, op.epsilon, op.scale, op.center) == (3, 0.01, scale, center)


def test_fused_batch_normalization_in_training_learns_moving_averages() -> None:
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        v1 = tf.compat.v1
        x = x_of(v1)
        mean = v1.get_variable("mean", (4,))
        variance = v1.get_variable("variance", (4,))
        gamma, beta = v1.get_variable("gamma", (4,)), v1.get_variable("beta", (4,))
        y, batch_mean, batch_variance = v1.nn.fused_batch_norm(x, gamma, beta, epsilon=0.01)
        v1.assign_sub(mean, (mean - batch_mean) * 0.1)
        v1.assign_sub(variance, (variance - batch_variance) * 0.1)
        tf.nn.relu(y)
    found = read_bytes(graph.as_graph_def().SerializeToString())
    assert ops(found) == ["input", "batch_norm", "relu"]
    assert only(found, BatchNorm).momentum == 0.9
    assert [use.symbol for use in found.nodes[1].params] == ["gamma", "beta", "mean", "variance"]


def test_layer_normalization_of_keras() -> None:
    tf_keras = pytest.importorskip("tf_keras")
    import tensorflow as tf

    layer = tf_keras.layers.LayerNormalization(epsilon=1e-6)
    layer.build((None, 8, 8, 4))
    graph = traced(layer, tf.TensorSpec((None, 8, 8, 4)))
    assert ops(graph) == ["input", "layer_norm"]
    assert only(graph, LayerNorm).axes == (3,)


def test_dropout_of_each_age() -> None:
    def old(tf: Any) -> None:
        x = x_of(tf)
        mask = tf.floor(0.75 + tf.random_uniform(tf.shape(x)))
        tf.multiply(tf.div(x, 0.75), mask)

    def new(tf: Any) -> None:
        tf.nn.dropout(x_of(tf), rate=0.25)

    for build in (old, new):
        op = only(built(build), Dropout)
        assert (op.rate, op.noise_shape) == (0.25, None)


def test_learning_phase_switches_are_resolved_and_dropout_is_kept() -> None:
    def build(tf: Any) -> None:
        tf.disable_control_flow_v2()
        x = x_of(tf)
        phase = tf.placeholder_with_default(False, (), name="keras_learning_phase")
        y = tf.cond(phase, lambda: tf.nn.dropout(x, rate=0.5), lambda: tf.identity(x), name="drop")
        tf.nn.relu(y)

    try:
        assert ops(built(build)) == ["input", "dropout", "relu"]
    finally:
        import tensorflow as tf

        tf.compat.v1.enable_control_flow_v2()


def test_flatten_and_dense_of_each_age() -> None:
    def computed(tf: Any) -> None:
        x = x_of(tf)
        flat = tf.reshape(x, tf.stack([-1, tf.reduce_prod(tf.shape(x)[1:])]))
        flat.set_shape((None, 256))
        tf.nn.bias_add(tf.matmul(flat, weights(tf, "w", 256, 3)), weights(tf, "b", 3))

    def fixed(tf: Any) -> None:
        flat = tf.reshape(x_of(tf), [-1, 256])
        tf.nn.xw_plus_b(flat, weights(tf, "w", 256, 3), weights(tf, "b", 3))

    for build in (computed, fixed):
        assert ops(built(build)) == ["input", "flatten", "dense"]


def test_activations_that_are_spelled_out() -> None:
    import tensorflow as tf

    def leaky(x: Any) -> Any:
        return tf.maximum(x, 0.1 * x)

    def capped(x: Any) -> Any:
        return tf.minimum(tf.nn.relu(x), 6.0)

    def hard_sigmoid(x: Any) -> Any:
        return tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0)

    cases = (
        (leaky, Relu(negative_slope=0.1)),
        (capped, Relu(max_value=6.0)),
        (hard_sigmoid, HardSigmoid(slope=0.2, offset=0.5)),
        (tf.nn.silu, Swish()),
        (lambda x: x * tf.sigmoid(x), Swish()),
        (lambda x: -x, Affine(scale=-1.0)),
    )
    for function, expected in cases:
        graph = traced(function, tf.TensorSpec(SHAPE))
        assert [node.op for node in graph.nodes[1:]] == [expected]


def test_a_scaled_tensor_that_others_read_too_is_not_taken_away() -> None:
    import tensorflow as tf

    def function(x: Any) -> Any:
        scaled = 0.1 * x
        return tf.maximum(x, scaled), scaled

    assert "affine" in ops(traced(function, tf.TensorSpec(SHAPE)))


def test_a_slope_above_one_is_no_leaky_relu() -> None:
    import tensorflow as tf

    graph = traced(lambda x: tf.maximum(x, 2.0 * x), tf.TensorSpec(SHAPE))
    assert ops(graph) == ["input", "affine", "maximum"]


def test_global_pooling_upsampling_and_softmax_over_rows() -> None:
    import tensorflow as tf

    def function(x: Any) -> Any:
        big = tf.image.resize(x, (16, 16), method="nearest")
        rows = tf.nn.softmax(tf.reshape(big, (-1, 4)))
        return tf.reduce_mean(tf.reshape(rows, tf.shape(big)), (1, 2))

    graph = traced(function, tf.TensorSpec((2, 8, 8, 4)))
    assert ops(graph) == ["input", "upsample", "softmax", "global_average_pool"]


def test_dense_on_the_last_axis_of_keras() -> None:
    tf_keras = pytest.importorskip("tf_keras")
    import tensorflow as tf

    layer = tf_keras.layers.Dense(7)
    layer.build((None, 5, 3))
    graph = traced(layer, tf.TensorSpec((None, 5, 3)))
    assert ops(graph) == ["input", "dense"]
    assert graph.outputs[0].type.shape == (None, 5, 7)


def test_calls_of_functions_are_taken_apart() -> None:
    import tensorflow as tf

    inner = tf.function(lambda x: tf.nn.relu(x) + 1.0)
    graph = traced(lambda x: inner(inner(x)), tf.TensorSpec((2, 3)))
    assert ops(graph) == ["input", "relu", "affine", "relu", "affine"]


def test_inputs_and_outputs_can_be_named() -> None:
    def build(tf: Any) -> None:
        a = tf.nn.relu(x_of(tf), name="a")
        b = tf.nn.elu(a, name="b")
        tf.nn.softplus(b, name="c")

    assert ops(built(build, inputs=("a",), outputs=("b:0",))) == ["input", "elu"]


def test_loops_are_one_single_op() -> None:
    def build(tf: Any) -> None:
        tf.disable_control_flow_v2()
        x = x_of(tf, 2, 3)
        tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, tf.tanh(y)), (0, x))

    import tensorflow as tf

    try:
        assert counts(built(build))["While"] == 1
    finally:
        tf.compat.v1.enable_control_flow_v2()


def test_groups_of_a_convolution_are_one_layer() -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, None, 8, 8, 6)
        with tf.variable_scope("conv2"):
            kernel = weights(tf, "kernel", 3, 3, 3, 8)
            parts = zip(tf.split(x, 2, axis=3), tf.split(kernel, 2, axis=3), strict=True)
            y = tf.concat([tf.nn.conv2d(part, own, 1, "SAME") for part, own in parts], axis=3)
            tf.nn.bias_add(y, weights(tf, "bias", 8))

    graph = built(build)
    assert ops(graph) == ["input", "conv"]
    assert (only(graph, Conv).groups, only(graph, Conv).filters) == (2, 8)
    assert graph.nodes[1].name == "conv2"


def test_groups_in_another_order_are_not_one_layer() -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, None, 8, 8, 6)
        kernels = tf.split(weights(tf, "kernel", 3, 3, 3, 8), 2, axis=3)
        parts = zip(tf.split(x, 2, axis=3)[::-1], kernels, strict=True)
        tf.concat([tf.nn.conv2d(part, own, 1, "SAME") for part, own in parts], axis=3)

    assert "conv" not in ops(built(build))


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_kernels_of_16_bits_behind_a_cast(half: str) -> None:
    def build(tf: Any) -> None:
        import numpy as np

        kernel = tf.constant(np.ones((3, 3, 4, 5)), half, name="kernel")
        y = tf.nn.conv2d(x_of(tf), tf.cast(kernel, "float32"), 1, "SAME")
        tf.nn.bias_add(y, tf.cast(tf.constant(np.ones(5), half), "float32"))

    assert ops(built(build)) == ["input", "conv"]


def test_blocks_and_aligned_corners() -> None:
    import tensorflow as tf

    def blocks(x: Any) -> Any:
        return tf.nn.space_to_depth(tf.nn.depth_to_space(x, 2), 4)

    graph = traced(blocks, tf.TensorSpec(SHAPE))
    assert graph.outputs[0].type.shape == (None, 4, 4, 16)
    assert set(ops(graph)) == {"input", "reshape", "transpose"}
    graph = traced(lambda x: tf.compat.v1.image.resize_bilinear(x, (9, 11), True), tf.TensorSpec(SHAPE))
    assert ops(graph) == ["input", "transpose", "interp", "transpose"]


@pytest.mark.parametrize("functions", [True, False], ids=["functions", "dataflow"])
def test_branches_that_data_decide_are_selected(functions: bool) -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, 2, 3)
        inner = tf.cond(tf.reduce_sum(x) > 1.0, lambda: x * 3.0, lambda: tf.ones((2, 3)))
        tf.cond(tf.reduce_sum(x) > 0.0, lambda: inner, lambda: tf.nn.relu(x))

    import tensorflow as tf

    if not functions:
        tf.compat.v1.disable_control_flow_v2()
    try:
        found = counts(built(build))
    finally:
        tf.compat.v1.enable_control_flow_v2()
    assert (found["select"], found["compare"]) == (2, 2)
    assert not {"Switch", "Merge", "If", "StatelessIf"} & set(found)


def test_alpha_dropout() -> None:
    tf_keras = pytest.importorskip("tf_keras")
    import tensorflow as tf

    layer = tf_keras.layers.AlphaDropout(0.25)
    graph = traced(lambda x: layer(x, training=True), tf.TensorSpec(SHAPE))
    assert ops(graph) == ["input", "alpha_dropout"]


def test_a_tensor_filled_with_a_number_knows_its_sizes() -> None:
    import tensorflow as tf

    graph = traced(lambda x: tf.zeros((tf.shape(x)[0], 7)) + tf.reduce_mean(x), tf.TensorSpec(SHAPE))
    assert graph.outputs[0].type.shape == (None, 7)


@pytest.mark.parametrize(("producer", "rank"), [(21, None), (22, 0)])
def test_a_placeholder_of_old_without_axes_may_have_any_shape(producer: int, rank: int | None) -> None:
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder("float32", (), name="x")
        tf.nn.relu(x)
    definition = graph.as_graph_def()
    definition.versions.producer = producer
    assert read_bytes(definition.SerializeToString()).nodes[0].result.type.rank == rank
