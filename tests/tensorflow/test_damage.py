"""Damaged graphs give diagnostics, never an exception of another kind."""

from __future__ import annotations

import pytest

from tests.fuzz.mutations import mutated
from tests.tensorflow.graphs import CORPUS
from tests.tensorflow.mutants import fault, originals
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


@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared is absent")
@pytest.mark.parametrize("name", NAMES)
def test_damaged_bytes(name: str) -> None:
    (_, original) = originals([CORPUS / f"{name}.pbtxt"])
    faults = [(seed, found) for seed in range(60) if (found := fault(seed, original))]
    assert not faults


def test_functions_that_call_each_other_for_ever_are_bounded() -> None:
    """Each function calls the next twice: 2 ** 30 calls."""
    calls = [
        f"""function {{ signature {{ name: "f{i}" }}
              node_def {{ name: "a" op: "f{i + 1}" }} node_def {{ name: "b" op: "f{i + 1}" }} }}"""
        for i in range(30)
    ]
    text = f'node {{ name: "x" op: "f0" }} library {{ {" ".join(calls)} }}'
    sink = Sink()
    lower(parse_source(Source("bomb", text), sink), "bomb", sink)
    assert "T3011" in [one.code for one in sink.diagnostics]


def test_a_number_that_fills_a_huge_tensor_is_not_unfolded() -> None:
    text = """
        node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
        node { name: "w" op: "Const"
               attr { key: "dtype" value { type: DT_FLOAT } }
               attr { key: "value" value { tensor { dtype: DT_FLOAT float_val: 1
                      tensor_shape { dim { size: 1073741824 } } } } } }
        node { name: "y" op: "Mul" input: "x" input: "w" }
    """
    sink = Sink()
    module = lower(parse_source(Source("bomb", text), sink), "bomb", sink)
    with pytest.raises(ValueError, match="are to fill"):
        module.constants["w"].load()


@pytest.mark.parametrize("data", [b"", b"\x0a", b"\xff" * 40, b"\x0a\x05ab", b"\x00\x00", b"PK\x03\x04"])
def test_bytes_that_are_no_graph(data: bytes) -> None:
    sink = Sink()
    try:
        read_binary(data, sink)
    except CompileError as error:
        assert error.diagnostics[0].code == "T3003"  # noqa: PT017 - either an exception or an error in the sink
    else:
        assert sink.has_errors


X = 'node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } %s }\n'
AXIS = """node { name: "axis" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
  attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 0 } } } }
"""
BROKEN = {
    "a size beyond every machine": X
    % 'attr { key: "shape" value { shape { dim { size: 9223372036854775807 } dim { size: 2 } } } }',
    "shapes that are no list": X % 'attr { key: "_output_shapes" value { i: 7 } }',
    "a join of nothing": X % "" + AXIS + 'node { name: "y" op: "ConcatV2" input: "axis" }\n',
    "a type that is a shape": 'node { name: "y" op: "VarHandleOp" attr { key: "dtype" value { shape { } } }\n'
    '  attr { key: "shape" value { shape { dim { size: 2 } } } } }\nnode { name: "z" op: "Relu" input: "y" }\n',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_makes_no_sense_is_said_or_read_as_if_it_were_absent(text: str) -> None:
    sink = Sink()
    message = parse_source(Source("broken.pbtxt", text), sink)
    graph = lower(message, "broken", sink).graph("")
    verify(graph)
    assert graph.nodes or sink.diagnostics
