"""Local response normalization that Keras had to spell out is one layer again for those that have it."""

import pytest

from tests.passes.pictures import after, graph, lines, picture
from transpiler.diagnostics import Sink
from transpiler.passes.legalize.keras import KERAS_PASSES
from transpiler.passes.manager import Context
from transpiler.passes.recognize_lrn import RECOGNIZE_LRN

LAYERS = {
    "across the last channels": "[2, 9, 7, 6], {size = 3, alpha = 0.5, k = 2.0, axis = 3}",
    "across the first channels": "[2, 6, 9, 7], {}",
    "across features": "[2, 6], {beta = 0.5}",
    "within a channel": "[2, 9, 7, 6], {size = 3, region = within_channel, axis = 3}",
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_what_is_written_for_keras_is_recognised(layer: str) -> None:
    shape, fields = layer.split(", {")
    whole = graph(f"""
        %x = input() {{shape = {shape}}}
        %y = lrn(%x) {{{fields}
        return %y
    """)
    spelled = KERAS_PASSES["keras"].run(whole, Context(Sink()))
    assert "lrn" not in lines(spelled)
    assert lines(RECOGNIZE_LRN.run(spelled, Context(Sink()))) == lines(whole)


SPELLED = """
    %x = input() {{shape = [2, 9, 7, 6]}} : f32[2, 9, 7, 6]
    %squares = power(%x) {{power = {power}}} : f32[2, 9, 7, 6]
    %pad = pad(%squares) {{pads = [[1, 1], [1, {after}]], data_format = channels_last}} : f32[2, 11, {wide}, 6]
    %mean = average_pool(%pad) {{kernel = [3, {size}], strides = [1, 1], data_format = channels_last}} : f32[2, 9, 7, 6]
    %base = affine(%mean) {{shift = 2.0}} : f32[2, 9, 7, 6]
    %factor = power(%base) {{power = -0.75}} : f32[2, 9, 7, 6]
    %y = multiply(%x, %factor) : f32[2, 9, 7, 6]
    return %y
"""


def test_an_order_of_factors_does_not_matter() -> None:
    body = SPELLED.format(power=2.0, after=1, wide=9, size=3).replace("%x, %factor", "%factor, %x")
    assert "lrn(%x) {size = 3, k = 2.0, region = within_channel, axis = 3}" in after(RECOGNIZE_LRN, body)


@pytest.mark.parametrize(
    "other",
    [{"power": 3.0, "after": 1, "wide": 9, "size": 3}, {"power": 2.0, "after": 2, "wide": 10, "size": 4}],
    ids=["not squares", "not a square window"],
)
def test_what_is_another_formula_stays(other: dict[str, float]) -> None:
    body = SPELLED.format(**other)
    assert after(RECOGNIZE_LRN, body) == picture(body)
