"""Caffe's recurrent layers, whose flags reset the state by data: written out step by step, up to a length."""

from __future__ import annotations

import pytest

from transpiler import CompileError, convert
from transpiler.diagnostics import Source
from transpiler.passes.legalize.unrolled import MOST_STEPS


def net(steps: int) -> Source:
    return Source(
        "net",
        f"""
        layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: {steps} dim: 2 dim: 3 }} }} }}
        layer {{ name: "cont" type: "Input" top: "cont" input_param {{ shape {{ dim: {steps} dim: 2 }} }} }}
        layer {{ name: "rnn" type: "RNN" bottom: "x" bottom: "cont" top: "y" recurrent_param {{ num_output: 4 }} }}
        """,
    )


@pytest.mark.parametrize("steps", [1, 2, 65])
def test_every_step_is_written_out(steps: int) -> None:
    text = convert(net(steps), "ir", from_="caffe").text
    assert text.count("time_major_rnn") == 1
    written = convert(net(steps), "tensorflow", from_="caffe").text
    assert written.count('name: "rnn/h') >= steps


def test_a_sequence_that_is_longer_is_refused_with_a_way_out() -> None:
    with pytest.raises(CompileError) as error:
        convert(net(MOST_STEPS + 1), "keras", from_="caffe")
    (found,) = error.value.diagnostics
    assert found.code == "T5002"
    assert f"at most {MOST_STEPS} steps" in found.message
    assert "fewer steps" in (found.help or "")
