"""Include and exclude rules, by Caffe's definition."""

from __future__ import annotations

import pytest

from transpiler.diagnostics import Sink
from transpiler.dialects.caffe.net_record import LayerRecord, NetRecord
from transpiler.dialects.caffe.net_state import NetState, Phase, active, active_layers
from transpiler.dialects.caffe.upgrade import read_net
from transpiler.parsers.textproto import parse

TRAIN, TEST = Phase.TRAIN, Phase.TEST


def net(text: str) -> NetRecord:
    sink = Sink()
    read = read_net(parse(text), sink)
    sink.raise_if_errors()
    return read


def layer(rules: str) -> LayerRecord:
    return net(f'layer {{ type: "ReLU" {rules} }}').layers[0]


@pytest.mark.parametrize(
    ("rules", "state", "expected"),
    [
        ("", NetState(), True),
        ("include { }", NetState(TRAIN), True),
        ("exclude { }", NetState(TRAIN), False),
        ("include { phase: TRAIN }", NetState(TRAIN), True),
        ("include { phase: TRAIN }", NetState(TEST), False),
        ("exclude { phase: TRAIN }", NetState(TRAIN), False),
        ("exclude { phase: TRAIN }", NetState(TEST), True),
        ("include { phase: TRAIN } include { phase: TEST }", NetState(TEST), True),
        ("exclude { phase: TRAIN } exclude { phase: TEST }", NetState(TEST), False),
        ("include { min_level: 2 }", NetState(level=1), False),
        ("include { min_level: 2 }", NetState(level=2), True),
        ("include { max_level: 2 }", NetState(level=2), True),
        ("include { max_level: 2 }", NetState(level=3), False),
        ("include { min_level: 0 }", NetState(level=-1), False),
        ("include { min_level: 1 max_level: 3 }", NetState(level=2), True),
        ('include { stage: "a" }', NetState(), False),
        ('include { stage: "a" }', NetState(stages=frozenset({"a", "b"})), True),
        ('include { stage: "a" stage: "b" }', NetState(stages=frozenset({"a"})), False),
        ('include { stage: "a" } include { stage: "b" }', NetState(stages=frozenset({"b"})), True),
        ('include { not_stage: "a" }', NetState(), True),
        ('include { not_stage: "a" }', NetState(stages=frozenset({"a"})), False),
        ('include { stage: "a" not_stage: "b" }', NetState(stages=frozenset({"a", "b"})), False),
        ('include { phase: TEST stage: "a" }', NetState(TRAIN, stages=frozenset({"a"})), False),
        ('exclude { phase: TEST stage: "a" }', NetState(TEST), True),
    ],
)
def test_rules(rules: str, state: NetState, expected: bool) -> None:
    assert active(layer(rules), state) is expected


def test_include_and_exclude_together_are_an_error() -> None:
    sink = Sink()
    read_net(parse('layer { name: "x" type: "ReLU" include { phase: TRAIN } exclude { stage: "a" } }'), sink)
    (found,) = sink.diagnostics
    assert found.code == "T1013"
    assert found.span is not None
    assert found.span.text.startswith("exclude")


def test_state_of_a_net() -> None:
    written = net('state { phase: TRAIN level: 3 stage: "a" } layer { type: "ReLU" }')
    assert NetState.of(written) == NetState(TRAIN, 3, frozenset({"a"}))
    assert NetState.of(written, TEST, 0, ["b"]) == NetState(TEST, 0, frozenset({"a", "b"}))
    assert NetState.of(net('layer { type: "ReLU" }')) == NetState(TEST, 0)


def test_active_layers_keep_file_order() -> None:
    written = net(
        'layer { name: "a" type: "Data" include { phase: TRAIN } }'
        'layer { name: "b" type: "Data" include { phase: TEST } }'
        'layer { name: "c" type: "ReLU" }'
    )
    assert [one.name for one in active_layers(written, NetState(TRAIN))] == ["a", "c"]
    assert [one.name for one in active_layers(written, NetState(TEST))] == ["b", "c"]
