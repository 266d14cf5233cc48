"""What the benchmarks say of measured times; nothing here depends on how fast the machine is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.files import Missing, Settings
from benchmarks.measure import Times, interleaved, median
from benchmarks.report import faster, rendered, within, write_json

SLOW, FAST = Times(cpu=0.5, wall=1.0), Times(cpu=0.1, wall=0.1)


def test_faster_is_how_many_times_longer_the_other_takes() -> None:
    assert faster("reading", "a file", FAST, SLOW, 5.0).is_met is True
    assert faster("reading", "a file", FAST, SLOW, 5.1).is_met is False


def test_within_is_how_many_times_as_long_we_take() -> None:
    assert within("conversion", "a file", SLOW, FAST, 5.0).is_met is True
    assert within("conversion", "a file", SLOW, FAST, 4.9).is_met is False


def test_both_sides_take_turns_after_a_run_that_does_not_count() -> None:
    turns: list[str] = []

    def side(name: str, times: Times) -> Times:
        turns.append(name)
        return times

    found = interleaved({"a": lambda: side("a", SLOW), "b": lambda: side("b", FAST)}, rounds=3)
    assert found == {"a": SLOW, "b": FAST}
    assert turns[:2] == ["a", "b"]
    assert sorted(turns[2:]) == ["a", "a", "a", "b", "b", "b"]
    assert all({one, other} == {"a", "b"} for one, other in zip(turns[2::2], turns[3::2], strict=True))


def test_the_median_is_taken_of_each_kind_of_time() -> None:
    assert median([Times(1, 9), Times(2, 8), Times(3, 1)]) == Times(2, 8)


def test_the_table_tells_what_is_missed(tmp_path: Path) -> None:
    rows = [faster("reading", "a file", SLOW, FAST, 5.0)]
    assert "NO" in rendered(rows)
    write_json(rows, tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())[0]["is_met"] is False


def test_an_absent_corpus_is_said(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="--corpus"):
        Settings(tmp_path, rounds=1, sizes=(10,)).largest("caffe", "*.prototxt", 5)
