"""Every real file: accepted where Caffe accepts it, read as protobuf reads it, upgraded as Caffe does."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from transpiler.diagnostics import Severity, Sink, Source
from transpiler.dialects.caffe.descriptor import message_class
from transpiler.dialects.caffe.net_record import Generation, LayerRecord, NetRecord
from transpiler.dialects.caffe.net_state import NetState, Phase, active_layers
from transpiler.dialects.caffe.record import Record
from transpiler.dialects.caffe.schema import NET, SOLVER, FieldSpec, FieldType
from transpiler.dialects.caffe.solver import is_solver
from transpiler.dialects.caffe.typed import from_plain, read_message, to_plain
from transpiler.dialects.caffe.upgrade import read_net
from transpiler.parsers.textproto import parse_source
from transpiler.syntax.textproto import Message, print_textproto

PARSE_ERROR = "Error parsing text-format"
REPLACED = "data-layers-replaced"


@cache
def _parsed(file: Path) -> Message:
    return parse_source(Source(file.name, _text(file)), Sink())


def _text(file: Path) -> str:
    """The text of a file; bytes that are not UTF-8 stand in comments only."""
    return file.read_text(encoding="utf-8", errors="replace")


@cache
def _protobuf(file: Path) -> Any:
    """The file as protobuf reads it with our schema, or None where it refuses the text."""
    text_format = pytest.importorskip("google.protobuf.text_format")
    kind = message_class("SolverParameter" if is_solver(_parsed(file)) else "NetParameter")
    try:
        return text_format.Parse(_text(file), kind())
    except text_format.ParseError:
        return None


@cache
def _net(file: Path) -> NetRecord:
    return read_net(_parsed(file), Sink())


def _read(message: Message, sink: Sink) -> Record:
    return read_message(message, SOLVER if is_solver(message) else NET, sink)


def _written(record: Record) -> str:
    """A record's text; equal texts are equal to Caffe, whose floats have 32 bits."""
    return print_textproto(from_plain(to_plain(record), record.spec))


def test_text_is_accepted_where_caffe_accepts_it(corpus_file: Path, caffe_said: dict[str, Any]) -> None:
    accepted = _protobuf(corpus_file) is not None
    for said in caffe_said.values():
        refused = said.get("error", "").startswith(PARSE_ERROR)
        # Where data layers were replaced, Caffe was given a text without them and without fields of forks.
        assert accepted == (not refused) or (said.get("how") == REPLACED and not accepted)


def test_values_are_what_protobuf_reads(corpus_file: Path) -> None:
    parsed = _protobuf(corpus_file)
    if parsed is None:
        pytest.skip("not a file of BVLC Caffe")
    sink = Sink()
    record = _read(_parsed(corpus_file), sink)
    assert sink.diagnostics == []
    _assert_same(record, parsed)


def test_nets_read_without_errors(corpus_file: Path) -> None:
    sink = Sink()
    net = read_net(_parsed(corpus_file), sink)
    errors = [found for found in sink.diagnostics if found.severity is Severity.ERROR]
    if "solver" in corpus_file.stem:
        assert [found.code for found in errors] == ["T1010"]
        return
    assert errors == []
    assert net.layers
    assert all(layer.span is not None for layer in net.layers)


def test_writing_back_means_the_same(corpus_file: Path) -> None:
    record = _read(_parsed(corpus_file), Sink())
    again = read_message(from_plain(to_plain(record), record.spec), record.spec, Sink())
    assert _written(again) == _written(record)


def test_upgraded_layers_need_no_second_upgrade(corpus_file: Path) -> None:
    net = _net(corpus_file)
    if not net.layers:
        pytest.skip("a solver")
    plain = {**to_plain(net.record), "layer": [to_plain(layer.record) for layer in net.layers]}
    again = read_net(from_plain(plain, NET), Sink())
    today = [_written(layer.record) for layer in net.layers]
    assert [_written(layer.record) for layer in again.layers] == today
    assert all(layer.generation is Generation.V2 for layer in again.layers)


@pytest.mark.parametrize("phase", Phase)
def test_layers_are_those_that_caffe_builds(
    corpus_file: Path, caffe_said: dict[str, Any], phase: Phase
) -> None:
    said = caffe_said[phase.value]
    net = _net(corpus_file)
    if not said["loaded"] or not net.layers:
        pytest.skip("Caffe does not load it")
    state = NetState.of(net, phase)
    replaced = said["data_layers_as_input"] if said["how"] == REPLACED else []
    ours = [_named(layer) for layer in active_layers(net, state) if layer.name not in replaced]
    theirs = [(name, kind) for name, kind in said["layers"] if name not in replaced]
    if said["how"] == REPLACED:
        ours, theirs = _without_inputs(ours), _without_inputs(theirs)
    assert ours == theirs


def _named(layer: LayerRecord) -> tuple[str, str]:
    return layer.name, layer.type


def _without_inputs(layers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [layer for layer in layers if layer[1] != "Input"]


def _assert_same(record: Record, parsed: Any) -> None:
    written = {descriptor.name: value for descriptor, value in parsed.ListFields()}
    assert set(record.values) == set(written)
    for name, value in written.items():
        field = record.spec.field(name)
        assert field is not None
        ours = record.values[name]
        pairs = zip(ours, value, strict=True) if isinstance(ours, tuple) else [(ours, value)]
        for mine, theirs in pairs:
            _assert_same_value(field, mine, theirs)


def _assert_same_value(field: FieldSpec, mine: Any, theirs: Any) -> None:
    if isinstance(mine, Record):
        _assert_same(mine, theirs)
    elif field.enum is not None:
        assert mine == field.enum.name_of(theirs)
    elif field.type is FieldType.FLOAT:
        assert struct.pack("<f", mine) == struct.pack("<f", theirs)
    else:
        assert mine == theirs
        assert type(mine) is type(theirs)
