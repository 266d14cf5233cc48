"""Padding made explicit, by the numbers of the project's table of traps."""

import pytest

from tests.passes.pictures import after, graph
from transpiler.passes.normalize_padding import NORMALIZE_PADDING

SAME_TRANSPOSED = "dilations = [1], padding = same_upper, output_padding = [0]"
CASES = [
    # size, kernel, stride, what the file says, explicit end result, output size
    (224, 3, 2, "padding = same_upper", "[[0, 1]]", 112),
    (224, 7, 2, "padding = same_upper", "[[2, 3]]", 112),
    (224, 7, 2, "padding = same_lower", "[[3, 2]]", 112),
    (225, 3, 2, "padding = same_upper", "[[1, 1]]", 113),
    (28, 5, 1, "padding = same_upper", "[[2, 2]]", 28),
    (7, 4, 3, "padding = same_upper", "[[1, 2]]", 3),
    (112, 3, 2, "rounding = ceil", "[[0, 1]]", 56),
    (112, 3, 2, "padding = [[1, 1]], rounding = ceil", "[[1, 2]]", 57),
    (111, 3, 2, "padding = [[1, 1]], rounding = ceil", "[[1, 1]]", 56),
    (6, 3, 3, "padding = [[1, 1]], rounding = ceil", "[[1, 2]]", 3),
    (3, 2, 3, "rounding = ceil", "[[0, 2]]", 2),
    (3, 2, 3, "rounding = ceil_clip", None, 1),
    (112, 3, 2, "", None, 55),
]


@pytest.mark.parametrize(("size", "kernel", "stride", "said", "pads", "out"), CASES)
def test_max_pooling(size: int, kernel: int, stride: int, said: str, pads: str | None, out: int) -> None:
    comma = ", " if said else ""
    body = f"""
        %x = input() {{shape = [1, 2, {size}]}}
        %y = max_pool(%x) {{kernel = [{kernel}], strides = [{stride}]{comma}{said}}}
        return %y
    """
    padding = f", padding = {pads}" if pads else ""
    assert after(NORMALIZE_PADDING, body).splitlines()[1] == (
        f"%y = max_pool(%x) {{kernel = [{kernel}], strides = [{stride}]{padding}}} : f32[1, 2, {out}]"
    )


def test_an_average_that_counts_its_padding_keeps_what_hangs_over_apart() -> None:
    body = """
        %x = input() {shape = [1, 2, 6]}
        %y = average_pool(%x) {kernel = [3], strides = [2], padding = [[1, 1]], rounding = ceil, count_padding = true}
        return %y
    """
    assert "rounding = ceil, count_padding = true" in after(NORMALIZE_PADDING, body)


@pytest.mark.parametrize(
    ("kernel", "stride", "crops"),
    [(3, 2, "[[0, 1]]"), (4, 2, "[[1, 1]]"), (5, 2, "[[1, 2]]")],
)
def test_same_crops_of_a_transposed_convolution(kernel: int, stride: int, crops: str) -> None:
    body = f"""
        %x = input() {{shape = [1, 2, 4]}}
        %y = conv_transpose(%x) {{filters = 3, kernel = [{kernel}], strides = [{stride}], {SAME_TRANSPOSED}}}
        return %y
    """
    line = after(NORMALIZE_PADDING, body).splitlines()[1]
    assert f"padding = {crops}" in line
    assert line.endswith("f32[1, 3, 8]")


def test_a_kernel_shorter_than_the_stride_appends_zeros() -> None:
    body = f"""
        %x = input() {{shape = [1, 2, 4]}}
        %y = conv_transpose(%x) {{filters = 3, kernel = [1], strides = [2], {SAME_TRANSPOSED}}}
        return %y
    """
    line = after(NORMALIZE_PADDING, body).splitlines()[1]
    assert "output_padding = [1]" in line
    assert line.endswith("f32[1, 3, 8]")


def test_same_stays_where_the_size_is_unknown() -> None:
    body = """
        %x = input() {shape = [1, 2, ?]}
        %y = max_pool(%x) {kernel = [3], strides = [2], padding = same_upper}
        return %y
    """
    before = graph(body)
    assert "same_upper" in after(NORMALIZE_PADDING, body)
    assert before.nodes[1].result.type.shape == (1, 2, None)


def test_a_convolution_inside_a_recurrence_keeps_what_its_layer_says() -> None:
    body = """
        %x = input() {shape = [1, 3, 8, 8, 2]}
        %y = conv_lstm(%x) {filters = 4, kernel = [3, 3], strides = [1, 1], dilations = [1, 1], padding = same_upper}
        return %y
    """
    assert "same_upper" in after(NORMALIZE_PADDING, body)
