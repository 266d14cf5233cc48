"""The manifest survives whatever happens to the process that writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from transpiler.batch.manifest import Manifest, read_manifest
from transpiler.batch.task import Job, Known, Record, Status, Written
from transpiler.driver.options import Options, UsageError

JOB = Job("keras", Options(phase="TEST", input_shapes={"data": (1, 3, None)}))


def record(name: str, *, job: Job = JOB, status: Status = Status.CONVERTED) -> Record:
    outputs = (Written(f"out/{name}.json", "cd" * 32, 17),) if status is Status.CONVERTED else ()
    return Record(
        f"nets/{name}", "ab" * 32, None, job.target, job.settings(), job.compiler, status, 0.25, [], outputs
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest.jsonl"


def written(path: Path, *records: Record) -> None:
    manifest = Manifest.open(path, JOB, resume=True)
    manifest.add(records)
    manifest.close()


def test_records_are_read_as_they_were_written(path: Path) -> None:
    records = [record("a"), record("b", status=Status.TIMEOUT)]
    written(path, *records)
    assert list(read_manifest(path)) == records


def test_file_names_that_are_no_text_survive(path: Path) -> None:
    written(path, record("caf\udce9"))
    assert [one.input for one in read_manifest(path)] == ["nets/caf\udce9"]


def test_torn_last_line_is_cut_off(path: Path) -> None:
    written(path, record("a"), record("b"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    written(path, record("c"))
    assert [one.input for one in read_manifest(path)] == ["nets/a", "nets/c"]


@pytest.mark.parametrize("rest", [b"", b"{", b"\0" * 70_000])
def test_manifest_of_a_torn_line_alone_begins_anew(path: Path, rest: bytes) -> None:
    path.write_bytes(rest)
    written(path, record("a"))
    assert [one.input for one in read_manifest(path)] == ["nets/a"]


def test_damaged_lines_are_passed_over(path: Path) -> None:
    written(path, record("a"))
    with path.open("ab") as file:
        file.write(b'{"input": "nets/b"}\n[1]\n\xff\n')
    written(path, record("c"))
    assert [one.input for one in read_manifest(path)] == ["nets/a", "nets/c"]


def test_known_is_what_the_same_settings_made_for_good(path: Path) -> None:
    other = Job("keras", Options(phase="TRAIN"))
    written(
        path,
        record("done"),
        record("refused", status=Status.REFUSED),
        record("slow", status=Status.TIMEOUT),
        record("other", job=other),
    )
    manifest = Manifest.open(path, JOB, resume=True)
    manifest.close()
    assert manifest.known == {
        "nets/done": Known("ab" * 32, None, Status.CONVERTED, (("out/done.json", "cd" * 32),)),
        "nets/refused": Known("ab" * 32, None, Status.REFUSED, ()),
    }


def test_last_line_of_an_input_counts(path: Path) -> None:
    written(path, record("a"), record("a", status=Status.FAILED))
    manifest = Manifest.open(path, JOB, resume=True)
    manifest.close()
    assert manifest.known == {}


def test_sorting_keeps_the_last_line_of_each_input(path: Path) -> None:
    manifest = Manifest.open(path, JOB, resume=True)
    manifest.add([record("b", status=Status.FAILED), record("c"), record("a"), record("b")])
    manifest.sort()
    manifest.close()
    assert [(one.input, one.status) for one in read_manifest(path)] == [
        ("nets/a", Status.CONVERTED),
        ("nets/b", Status.CONVERTED),
        ("nets/c", Status.CONVERTED),
    ]


def test_manifest_has_one_writer_at_a_time(path: Path) -> None:
    manifest = Manifest.open(path, JOB, resume=True)
    with pytest.raises(UsageError, match="another run is writing"):
        Manifest.open(path, JOB, resume=False)
    manifest.close()
    Manifest.open(path, JOB, resume=True).close()


def test_without_resume_the_manifest_begins_anew(path: Path) -> None:
    written(path, record("a"))
    Manifest.open(path, JOB, resume=False).close()
    assert list(read_manifest(path)) == []
