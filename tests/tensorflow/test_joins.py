"""Several steps that one layer takes in a graph are one op again, and only where they mean the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tensorflow.graphs import built, last, ops, x_of
from transpiler.ir import Graph, Op
from transpiler.ops.convolution import ConvTranspose
from transpiler.ops.elementwise import Add
from transpiler.ops.normalization import Bias, Scale
from transpiler.ops.pooling import AveragePool
from transpiler.ops.preprocessing import Rescale
from transpiler.ops.shape import Slice
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Explicit, Rounding, Same, Valid

pytest.importorskip("tensorflow")


def only(graph: Graph, kind: type[Op]) -> Any:
    (op,) = [node.op for node in graph.nodes if isinstance(node.op, kind)]
    return op


def test_factors_in_the_scope_of_a_sum_are_its_coefficients() -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, None, 6)
        with tf.name_scope("sum"):
            tf.add(0.5 * tf.nn.relu(x, name="/a"), x * 3.0)

    assert last(built(build)) == Add(coefficients=(0.5, 3.0))


def test_factors_of_another_scope_are_layers_of_their_own() -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, None, 6)
        with tf.name_scope("factor"):
            y = tf.nn.relu(x) * 0.5
        with tf.name_scope("sum"):
            tf.add(x, y)

    assert ops(built(build)) == ["input", "relu", "affine", "add"]


def test_a_scaled_number_that_is_added_to_every_element_is_no_coefficient() -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, None, 6)
        with tf.name_scope("sum"):
            tf.add(x, 0.5 * tf.reduce_sum(x, 1, keepdims=True))

    assert last(built(build)) == Add()


@pytest.mark.parametrize("factors", [(0.5, 2.0, 4.0), ((0.5,), (0.25,))], ids=["channels", "columns"])
def test_fixed_factors_and_an_offset_rescale(factors: Any) -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, None, 4, 2, 3)
        with tf.name_scope("rescaling"):
            tf.add(x * tf.constant(factors, name="scale"), 1.0)

    assert last(built(build)) == Rescale(scale=factors, offset=1.0)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("rate", [2, 3])
def test_dilation_of_a_transposed_convolution_is_folded(rate: int, padding: str) -> None:
    size = 8 if padding == "SAME" else 8 + 2 * rate

    def build(tf: Any) -> None:
        x = x_of(tf, 2, 8, 8, 5)
        kernel = tf.get_variable("w", (3, 3, 4, 5))
        tf.nn.atrous_conv2d_transpose(x, kernel, [2, size, size, 4], rate, padding)

    graph = built(build)
    assert ops(graph) == ["input", "conv_transpose"]
    op = only(graph, ConvTranspose)
    assert (op.dilations, op.padding) == ((rate, rate), Same() if padding == "SAME" else Valid())
    assert graph.outputs[0].type.shape == (2, size, size, 4)


def averaged(tf: Any, *, zeros: Any, kernel: int, stride: int, factors: Any) -> None:
    x = x_of(tf, None, 5, 5, 3)
    with tf.name_scope("pool"):
        y = tf.pad(x, [[0, 0], *zeros, [0, 0]]) if zeros else x
        y = tf.nn.avg_pool2d(y, kernel, stride, "VALID")
        tf.multiply(y, tf.constant(factors, "float32", name="factors"))


def places(*along: float) -> Any:
    """Factors of a square map that are products of one number for each row and each column, [1, n, n, 1]."""
    return [[[[row * column] for column in along] for row in along]]


CAFFES: Any = {"rounding": Rounding.CEIL, "count_padding": True, "data_format": DataFormat.CHANNELS_LAST}
POOLS = {
    "a last window hangs over": (
        {"zeros": [[0, 1], [0, 1]], "kernel": 2, "stride": 2, "factors": places(1, 1, 2)},
        AveragePool(kernel=(2, 2), strides=(2, 2), padding=Valid(), **CAFFES),
    ),
    "padding counts, what hangs over does not": (
        {"zeros": [[1, 2], [1, 2]], "kernel": 4, "stride": 2, "factors": places(1, 1, 4 / 3)},
        AveragePool(kernel=(4, 4), strides=(2, 2), padding=Explicit(((1, 1), (1, 1))), **CAFFES),
    ),
    "padding does not count": (
        {"zeros": [[1, 1], [1, 1]], "kernel": 3, "stride": 2, "factors": places(1.5, 1, 1.5)},
        AveragePool(
            kernel=(3, 3),
            strides=(2, 2),
            padding=Explicit(((1, 1), (1, 1))),
            data_format=DataFormat.CHANNELS_LAST,
        ),
    ),
}


@pytest.mark.parametrize("name", POOLS)
def test_a_mean_with_corrected_divisors_is_one_pooling(name: str) -> None:
    said, wanted = POOLS[name]
    graph = built(lambda tf: averaged(tf, **said))
    assert ops(graph) == ["input", "average_pool"]
    assert last(graph) == wanted


def test_factors_that_are_no_divisors_stay_factors() -> None:
    said, _ = POOLS["a last window hangs over"]
    graph = built(lambda tf: averaged(tf, **{**said, "factors": places(1, 1, 3)}))
    assert ops(graph) == ["input", "pad", "average_pool", "scale"]


@pytest.mark.parametrize(
    ("shape", "axis", "count"), [((3,), 3, 1), ((4, 1), 2, 1), ((1, 5, 4, 3), 1, 3), ((5, 4, 3), 1, 3)]
)
def test_a_learned_tensor_spans_axes(shape: tuple[int, ...], axis: int, count: int) -> None:
    def build(tf: Any) -> None:
        y = tf.nn.relu(tf.multiply(x_of(tf, None, 5, 4, 3), tf.get_variable("factor", shape)))
        tf.add(y, tf.get_variable("summand", shape))

    graph = built(build)
    found = [node.op for node in graph.nodes if isinstance(node.op, (Scale, Bias))]
    assert found == [Scale(axis=axis, num_axes=count), Bias(axis=axis, num_axes=count)]


def test_an_array_of_the_file_spans_axes_in_front_of_others() -> None:
    def build(tf: Any) -> None:
        tf.multiply(x_of(tf, None, 2, 2, 3), tf.constant([[[[1.0], [2.0]], [[3.0], [4.0]]]]))

    assert last(built(build)) == Scale(axis=1, num_axes=2)


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (5, 1, 3)], ids=["batch", "axes apart"])
def test_a_learned_tensor_that_spans_other_axes_is_multiplied(shape: tuple[int, ...]) -> None:
    def build(tf: Any) -> None:
        tf.multiply(x_of(tf, 2, 5, 4, 3), tf.get_variable("factor", shape))

    assert ops(built(build)) == ["input", "parameter", "multiply"]


SLICES: dict[str, tuple[Any, Slice | None]] = {
    "an element": (lambda x: x[:, 1], Slice(axes=(1,), begins=(1,), ends=(2,), squeeze=(1,))),
    "the last element": (lambda x: x[..., -1], Slice(axes=(-1,), begins=(-1,), ends=(None,), squeeze=(-1,))),
    "every second": (lambda x: x[:, 1::2], Slice(axes=(1,), begins=(1,), ends=(None,), steps=(2,))),
    "backwards": (lambda x: x[:, ::-1], Slice(axes=(1,), begins=(-1,), ends=(None,), steps=(-1,))),
    "everything": (lambda x: x[:, :], None),
}


@pytest.mark.parametrize("name", SLICES)
def test_slices(name: str) -> None:
    take, wanted = SLICES[name]

    def build(tf: Any) -> None:
        tf.identity(take(tf.nn.relu(x_of(tf, None, 6))))

    graph = built(build)
    if wanted is None:
        assert ops(graph) == ["input", "relu"]
    else:
        assert last(graph) == wanted


@pytest.mark.parametrize(
    ("least", "made"),
    [(1e-7, True), (0.1, True), (0.5, False)],
    ids=["as Keras has it", "below every deviation", "above a deviation"],
)
def test_what_divides_by_a_deviation_standardizes_if_it_keeps_as_far_from_zero(
    least: float, made: bool
) -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, None, 3)
        deviation = tf.maximum(tf.sqrt(tf.constant([0.04, 1.0, 4.0])), least)
        tf.divide(x - tf.constant([1.0, 2.0, 3.0]), deviation)

    assert ("standardize" in ops(built(build))) is made


@pytest.mark.parametrize("learned", [True, False], ids=["beside variables", "in a frozen graph"])
def test_an_array_in_the_file_is_a_literal_where_what_is_learned_lies_in_variables(learned: bool) -> None:
    def build(tf: Any) -> None:
        x = x_of(tf, None, 3) * tf.constant([0.25, 0.5, 2.0])
        kernel = tf.get_variable("k", (3, 2)) if learned else tf.constant([[1.0, 2.0]] * 3)
        tf.matmul(x, kernel)

    assert ops(built(build)) == ["input", "rescale" if learned else "scale", "dense"]
