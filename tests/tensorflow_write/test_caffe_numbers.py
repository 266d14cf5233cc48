"""What a real Caffe computed, computed again by real TensorFlow from the graphs we write: 97 nets, every output."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle.kit import NAMES, case, difference
from tests.tensorflow_write.running import assign_all, convert, fed, session, tensor
from transpiler.ir import DType

TOLERANCE = 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_every_output_equals_caffes(name: str) -> None:
    given = case(name)
    made = convert(given.path)
    with session(made.text) as running:
        assign_all(running, made.written, given.canonical(made.read))
        feed = fed(running, made.written, given.part("in/"))
        results = running.run([tensor(running, name) for name in made.written.outputs], feed)
    recorded = given.part("out/")
    found = {
        value.native: difference(np.asarray(result), recorded[value.native or value.name])
        for value, result in zip(made.legal.outputs, results, strict=True)
        if value.type.dtype is DType.FLOAT32
    }
    assert found
    assert {blob: worst for blob, worst in found.items() if not worst <= TOLERANCE} == {}
