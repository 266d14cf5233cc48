"""Reading protobuf text, with the place of every field, against Google's reader, which keeps no places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.files import Settings, reference_reader
from benchmarks.measure import interleaved, timed
from benchmarks.report import Row, faster
from transpiler.parsers import textproto

WANTED: Final = 5.0
_LARGEST: Final = 5


def reading(settings: Settings) -> Iterator[Row]:
    """The five largest files of each notation's main users."""
    for framework, pattern in (("caffe", "*.prototxt"), ("tensorflow", "*.pbtxt")):
        for path in settings.largest(framework, pattern, _LARGEST):
            yield _read(framework, path, settings.rounds)


def _read(framework: str, path: Path, rounds: int) -> Row:
    text = path.read_text(encoding="utf-8")
    theirs = reference_reader(framework)
    times = interleaved(
        {"ours": timed(lambda: textproto.parse(text)), "theirs": timed(lambda: theirs(text))}, rounds
    )
    subject = f"{path.name} ({len(text) // 1024} KiB)"
    return faster("reading", subject, times["ours"], times["theirs"], WANTED)
