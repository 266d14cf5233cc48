"""Damaged graphs give diagnostics, never an exception of another kind."""

from __future__ import annotations

import pytest

from tests.fuzz.mutations import mutated
from tests.tensorflow.graphs import CORPUS
from transpiler.diagnostics import CompileError, Sink, Source
from transpiler.dialects.tensorflow.read_binary import read_binary
from transpiler.ir.verifier import verify
from transpiler.parsers.textproto import parse_source
from transpiler.passes.lower.tensorflow import lower

NAMES = ("dl4j_conv_4", "fabrik_Pool3DCheck", "dl4j_simplewhile_nested", "dl4j_primitive_gru_dynamic")


@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared is absent")
@pytest.mark.parametrize("name", NAMES)
def test_damaged_text(name: str) -> None:
    original = (CORPUS / f"{name}.pbtxt").read_bytes()
    for seed in range(12):
        data, _ = mutated(seed, original)
        sink = Sink()
        try:
            message = parse_source(Source("mutant", data.decode("latin-1")), sink)
            sink.raise_if_errors()
            verify(lower(message, "mutant", sink).graph(""))
        except CompileError:
            continue


def test_damaged_bytes() -> None:
    tf = pytest.importorskip("tensorflow")
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder("float32", (None, 8, 8, 3))
        tf.nn.conv2d(x, tf.compat.v1.get_variable("w", (3, 3, 3, 4)), 1, "SAME")
    original = graph.as_graph_def().SerializeToString()
    for seed in range(200):
        data, _ = mutated(seed, original)
        sink = Sink()
        try:
            verify(lower(data, "mutant", sink).graph(""))
        except CompileError:
            continue


@pytest.mark.parametrize("data", [b"", b"\x0a", b"\xff" * 40, b"\x0a\x05ab", b"\x00\x00", b"PK\x03\x04"])
def test_bytes_that_are_no_graph(data: bytes) -> None:
    sink = Sink()
    try:
        read_binary(data, sink)
    except CompileError as error:
        assert error.diagnostics[0].code == "T3003"  # noqa: PT017 - either an exception or an error in the sink
    else:
        assert sink.has_errors
