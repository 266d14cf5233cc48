"""What legalization for Caffe makes of ops that Caffe does not have: the same numbers, or a reason why not."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from tests.caffe.evaluate import Array, evaluate, parameter
from tests.caffe.nets import module_of, shaped, written
from transpiler.diagnostics import Diagnostic, Sink
from transpiler.dialects.caffe.dialect import CAFFE
from transpiler.dialects.rows import Refusal
from transpiler.ir import Graph, Module
from transpiler.ops.core import Input
from transpiler.parsers import irtext as parser
from transpiler.passes.infer_shapes import infer_shapes
from transpiler.passes.legalize.caffe import CAFFE_PASSES
from transpiler.passes.lower import irtext
from transpiler.passes.manager import SHAPED, Context, run


def _read(body: str) -> Graph:
    text = 'module "m" from test {\ngraph "" {\n' + textwrap.dedent(body).strip() + "\n}\n}\n"
    sink = Sink()
    module = irtext.lower(parser.parse(text), "m", sink)
    sink.raise_if_errors()
    return infer_shapes(module.graph(""), Context(sink))


def _legal(graph: Graph) -> tuple[Graph, list[Diagnostic]]:
    context = Context(Sink())
    made = run(graph, CAFFE_PASSES, context, given=frozenset({SHAPED}))
    return made, list(context.sink.diagnostics)


def _arrays(graph: Graph) -> dict[str, Array]:
    rng = np.random.default_rng(7)
    made: dict[str, Array] = {}
    for node in graph.nodes:
        for role, spec in node.op.params([value.type for value in node.operands]).items():
            shape = [size or 0 for size in spec.shape]
            positive = role in ("variance", "gamma")
            made[node.param(role).symbol] = (
                rng.uniform(0.5, 1.5, shape) if positive else rng.standard_normal(shape)
            )
    return made


def _same_numbers(before: Graph, after: Graph, again: Graph) -> None:
    """What is legal computes the same; so does what is read back, up to numbers that Caffe has as float32."""
    rng = np.random.default_rng(5)
    sources = [node.result for node in before.nodes if isinstance(node.op, Input)]
    inputs = {
        value.name: rng.standard_normal([size or 1 for size in value.type.shape or ()]) for value in sources
    }
    params = _arrays(before)
    wanted = evaluate(before, inputs, params)
    for want, have in zip(wanted, evaluate(after, inputs, params), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-9, atol=1e-9)
    for want, have in zip(wanted, evaluate(again, inputs, _under_own_names(after, params)), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-5)


def _under_own_names(graph: Graph, params: dict[str, Array]) -> dict[str, Array]:
    """Arrays as a weight file has them: by layer, since text says nothing of where they come from."""
    return {
        f"{node.name}/{role}": parameter(node, role, params) for node in graph.nodes for role in node.op.roles
    }


def check(body: str) -> str:
    """A graph becomes legal, computes the same, and is read back from the text that is written. That text."""
    before = _read(body)
    after, said = _legal(before)
    assert said == []
    assert [node.name for node in after.nodes if isinstance(CAFFE.spell(node), Refusal)] == []
    text = written(Module("m", "test", {"": after}))
    again, said = shaped(module_of(text).graph(""))
    assert said == []
    assert [value.type for value in again.outputs] == [value.type for value in after.outputs]
    _same_numbers(before, after, again)
    return text


def reasons(body: str) -> list[str]:
    return [one.message for one in _legal(_read(body))[1] if one.severity.value == "error"]


def _one(op: str, shape: str = "[2, 6, 5, 7]") -> str:
    return f"%x = input() {{shape = {shape}}}\n%y = {op}\n%z = affine(%y) {{scale = 2}}\nreturn %z"


WINDOWS = [
    (8, 3, 2, 1, (0, 1)), (7, 3, 2, 1, (1, 1)), (9, 4, 3, 1, (1, 2)), (8, 5, 1, 1, (2, 1)), (8, 2, 3, 1, (0, 1)),
    (10, 3, 1, 2, (0, 4)), (11, 7, 2, 1, (2, 3)), (6, 3, 3, 1, (2, 0)), (5, 1, 2, 1, (0, 0)), (12, 3, 2, 2, (3, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("size", "kernel", "stride", "dilation", "pads"), WINDOWS)
def test_convolution(size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]) -> None:
    window = (
        f"kernel = [{kernel}, 3], strides = [{stride}, 1], dilations = [{dilation}, 1], "
        f"padding = [{list(pads)}, [1, 1]]"
    )
    check(_one(f"conv(%x) {{filters = 4, {window}, groups = 2}}", f"[2, 6, {size}, 6]"))
    check(_one(f"depthwise_conv(%x) {{multiplier = 2, {window}}}", f"[2, 3, {size}, 6]"))
    check(
        _one(
            f"separable_conv(%x) {{filters = 5, {window}, data_format = channels_first}}",
            f"[1, 3, {size}, 6]",
        )
    )


@pytest.mark.parametrize(("size", "is_said"), [(8, False), (7, True)])
def test_pooling_says_how_it_rounds_only_where_that_matters(size: int, is_said: bool) -> None:
    text = check(_one("max_pool(%x) {kernel = [2, 2], strides = [2, 2]}", f"[2, 3, {size}, 8]"))
    assert ("round_mode" in text) is is_said


@pytest.mark.parametrize(("size", "kernel", "stride", "dilation", "pads"), WINDOWS)
@pytest.mark.parametrize("op", ["max_pool", "average_pool"])
def test_pooling(op: str, size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]) -> None:
    del dilation
    fits = [min(end, kernel - 1) for end in pads]
    body = _one(
        f"{op}(%x) {{kernel = [{kernel}, 2], strides = [{stride}, 2], padding = [{fits}, [0, 1]]}}",
        f"[2, 3, {size}, 7]",
    )
    if all(fits) or fits[0] + stride < kernel or fits[0] == 0:
        check(body)
    else:
        assert reasons(body) or check(body)


def test_average_that_counts_padding() -> None:
    check(
        _one(
            "average_pool(%x) {kernel = [3, 3], strides = [1, 1], padding = [[1, 1], [0, 1]], count_padding = true}"
        )
    )
    text = check(
        _one(
            "average_pool(%x) {kernel = [3, 3], strides = [2, 2], padding = [[1, 1], [1, 1]], count_padding = true}"
        )
    )
    assert text.count("layer {") == 3


def test_average_without_padding_needs_nothing_else() -> None:
    assert check(_one("average_pool(%x) {kernel = [2, 2], strides = [2, 2]}")).count("layer {") == 3


@pytest.mark.parametrize("op", ["max_pool", "average_pool"])
def test_pooling_along_one_axis(op: str) -> None:
    check(_one(f"{op}(%x) {{kernel = [2], strides = [2]}}", "[2, 3, 9]"))


@pytest.mark.parametrize("op", ["global_max_pool", "global_average_pool"])
@pytest.mark.parametrize("shape", ["[2, 3, 5, 4]", "[2, 3, 5]", "[2, 3, 2, 3, 4]"])
@pytest.mark.parametrize("keepdims", ["true", "false"])
def test_global_pooling(op: str, shape: str, keepdims: str) -> None:
    check(_one(f"{op}(%x) {{keepdims = {keepdims}}}", shape))


@pytest.mark.parametrize(
    ("kernel", "stride", "crops"), [(3, 2, (0, 1)), (4, 2, (1, 1)), (5, 2, (1, 2)), (3, 3, (1, 0))]
)
def test_transposed_convolution(kernel: int, stride: int, crops: tuple[int, int]) -> None:
    check(
        _one(
            f"conv_transpose(%x) {{filters = 4, kernel = [{kernel}, 3], strides = [{stride}, 1], dilations = [1, 1], "
            f"padding = [{list(crops)}, [1, 1]], output_padding = [0, 0], groups = 2}}"
        )
    )


ELEMENTS = [
    "relu(%x) {max_value = 6}", "relu(%x) {negative_slope = 0.1, max_value = 1}", "hard_sigmoid(%x)", "hard_swish(%x)",
    "mish(%x)", "softsign(%x)", "thresholded_relu(%x) {theta = 0.3}", "selu(%x)", "gelu(%x) {approximate = true}",
    'unary(%x) {function = "square"}', "prelu(%x)", "prelu(%x) {shared_axes = [2, 3]}",
    "prelu(%x) {shared_axes = [1, 2, 3]}",
    "average(%x, %x)", "average(%x)", "subtract(%x, %x)", "minimum(%x, %x, %x)", "divide(%x, %x)", "maximum(%x)",
    "add(%x, %x, %x) {coefficients = [1.0, 2.0, -0.5]}", "tile(%x) {axis = 2, tiles = 3}",
    "maxout(%x) {pieces = 3, axis = 1}", "shuffle_channels(%x) {groups = 3}", "reverse(%x) {axis = 3}",
    "upsample(%x) {factors = [2, 3]}", "pad(%x) {pads = [[1, 2], [0, 1]]}", "crop(%x) {crops = [[1, 2], [0, 1]]}",
    "slice(%x) {axes = [1, 3], begins = [2, -3], ends = [4, none]}",
    "slice(%x) {axes = [1, 3], begins = [2, 0], ends = [3, 1], squeeze = [1, 3]}",
    "expand_dims(%x) {axis = -1}", "expand_dims(%x) {axis = 2}", "transpose(%x) {axes = [0, 2, 3, 1]}",
    "transpose(%x) {axes = [3, 2, 1, 0]}", "transpose(%x) {axes = [1, 0, 3, 2]}", "transpose(%x) {axes = [0, 3, 1, 2]}",
    "batch_norm(%x)", "batch_norm(%x) {scale = false}", "batch_norm(%x) {center = false}", "batch_norm(%x) {axis = 3}",
    "layer_norm(%x) {axes = [-1]}", "layer_norm(%x) {axes = [1, 2, 3]}", "layer_norm(%x) {axes = [1], rms = true}",
    "l2_normalize(%x) {axes = [1, 2, 3]}", "mvn(%x) {axes = [2, 3]}", "lrn(%x) {axis = -3, size = 3}",
    "reduce(%x) {reducer = mean, axes = [2, 3]}", "reduce(%x) {reducer = sum, axes = [1, 3], factor = 2}",
    "reduce(%x) {reducer = max, axes = [2, 3], keepdims = true}",
    "reduce(%x) {reducer = mean, axes = [1], keepdims = true}",
    "dense(%x) {units = 3, axis = -1}", "flatten(%x)", "softmax(%x) {axis = -1}", "swish(%x)", "softplus(%x)",
]  # fmt: skip


@pytest.mark.parametrize("op", ELEMENTS)
def test_formulas(op: str) -> None:
    check(_one(op))


def test_vectors() -> None:
    check(_one("repeat_vector(%x) {count = 3}", "[2, 5]"))
    check(_one("squeeze(%x) {axes = [1, 3]}", "[2, 1, 5, 1]"))
    check(_one("transpose(%x) {axes = [0, 3, 1, 2]}", "[2, 1, 5, 1]"))
    check(_one("batch_norm(%x) {axis = -1}", "[2, 5]"))
    check(_one("prelu(%x)", "[2, 5]"))


@pytest.mark.parametrize(
    "other", ["[2, 6, 1, 1]", "[1, 6, 1, 1]", "[7]", "[2, 6, 5, 1]", "[5, 7]", "[1, 1, 1, 1]"]
)
@pytest.mark.parametrize("op", ["multiply", "add"])
def test_broadcasting(op: str, other: str) -> None:
    if other == "[1, 6, 1, 1]":
        other = "[1, 6, 1, 1]"
    check(
        f"%x = input() {{shape = [2, 6, 5, 7]}}\n%s = input() {{shape = {other}}}\n%y = {op}(%s, %x)\nreturn %y"
    )
    check(
        f"%x = input() {{shape = [2, 6, 5, 7]}}\n%s = input() {{shape = {other}}}\n%y = {op}(%x, %s, %x)\nreturn %y"
    )


def test_padding_is_taken_into_what_reads_it() -> None:
    body = """
        %x = input() {shape = [2, 3, 8, 8]}
        %p = pad(%x) {pads = [[1, 1], [1, 1]]}
        %c = conv(%p) {filters = 4, kernel = [3, 3], strides = [1, 1], dilations = [1, 1]}
        %r = relu(%c)
        %q = pad(%r) {pads = [[1, 1], [1, 1]]}
        %m = max_pool(%q) {kernel = [3, 3], strides = [2, 2]}
        return %m
    """
    assert check(body).count("layer {") == 4


def test_zeros_are_not_taken_into_a_maximum_of_negative_numbers() -> None:
    body = """
        %x = input() {shape = [2, 3, 8, 8]}
        %p = pad(%x) {pads = [[1, 1], [1, 1]]}
        %m = max_pool(%p) {kernel = [3, 3], strides = [2, 2]}
        return %m
    """
    text = check(body)
    assert "value: 1.0" in text
    assert "lr_mult: 0.0" in text


def test_what_acts_only_while_training_goes_with_a_note() -> None:
    legal, said = _legal(_read(_one("gaussian_noise(%x) {stddev = 0.1}")))
    assert len(legal.nodes) == 2
    assert [one.code for one in said] == ["T6102"]


def test_an_open_batch_becomes_one() -> None:
    legal, said = _legal(_read(_one("relu(%x)", "[none, 3, 4, 4]")))
    assert legal.outputs[0].type.shape == (1, 3, 4, 4)
    assert [one.code for one in said] == ["T6101"]


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        ("gelu(%x)", "no error function"),
        ("log_softmax(%x)", "infinite"),
        ('upsample(%x) {factors = [2, 2], interpolation = "bilinear"}', "no bilinear interpolation"),
        ("pad(%x) {pads = [[1, 1], [1, 1]], value = 1.0}", "pads with zeros"),
        ("relu(%x) {threshold = 1}", "bends at 0"),
        ("slice(%x) {axes = [2], begins = [0], ends = [none], steps = [2]}", "consecutive"),
        ("reduce(%x) {reducer = prod, axes = [1]}", "prod"),
        ("lrn(%x) {size = 4}", "odd"),
        ('unary(%x) {function = "sin"}', "no layer for sin"),
        ("pow(%x, %x)", "no layer for pow"),
    ],
)
def test_what_has_no_exact_form(op: str, reason: str) -> None:
    (found,) = reasons(_one(op))
    assert reason in found


STANDARDIZED = "[2, 3, 5, 7]"


@pytest.mark.parametrize(
    "fields",
    [
        "axes = [1], mean = [0.5, -1.0, 2.0], variance = [4.0, 0.25, 0.0]",
        "axes = [1], mean = [0.5, -1.0, 2.0], variance = [4.0, 0.25, 9.0], invert = true",
        "axes = [], mean = 0.5, variance = 4.0",
    ],
    ids=["each channel", "undone", "one for all"],
)
def test_standardizing_by_fixed_numbers(fields: str) -> None:
    check(_one(f"standardize(%x) {{{fields}}}", STANDARDIZED))


@pytest.mark.parametrize(
    "fields",
    ["axes = [1]", "axes = [1], mean = [[[[1.0]]]], variance = [[[[4.0]]]]"],
    ids=["learned", "shaped"],
)
def test_standardizing_that_has_no_form(fields: str) -> None:
    assert len(reasons(_one(f"standardize(%x) {{{fields}}}", STANDARDIZED))) == 1


def test_every_offender_is_reported() -> None:
    body = """
        %x = input() {shape = [2, 3, 8, 8]}
        %a = gelu(%x)
        %b = log_softmax(%a)
        %c = relu(%b) {threshold = 2}
        return %c
    """
    assert len(reasons(body)) == 3


def test_layouts_that_cannot_be_shared() -> None:
    legal = _read("""
        %x = input() {shape = [2, 4]}
        %a = dense(%x) {units = 4}
        %b = dense(%a) {units = 4}
        return %b
    """)
    import msgspec

    from transpiler.ir import ParamUse, Permute

    uses = (ParamUse("kernel", "w"),), (ParamUse("kernel", "w", (Permute((1, 0)),)),)
    nodes = [
        legal.nodes[0],
        *(msgspec.structs.replace(node, params=use) for node, use in zip(legal.nodes[1:], uses, strict=True)),
    ]
    _, said = _legal(msgspec.structs.replace(legal, nodes=tuple(nodes)))
    assert [one.code for one in said] == ["T5003"]
