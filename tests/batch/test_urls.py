"""Inputs and results that are no local files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.batch.nets import caffe_net
from tests.batch.trees import lines
from transpiler import convert
from transpiler.cli import main


@pytest.fixture
def memory() -> Iterator[Any]:
    import fsspec

    system = fsspec.filesystem("memory")
    for number in (1, 2):
        system.pipe_file(f"/nets/deep/net{number}.prototxt", caffe_net(number).encode())
    yield system
    system.store.clear()


@pytest.mark.parametrize(
    "source", ["memory://nets", "memory://nets/*/*.prototxt", "memory://nets/deep/net1.prototxt"]
)
def test_inputs_and_results_may_be_urls(memory: Any, tmp_path: Path, source: str) -> None:
    report = tmp_path / "manifest.jsonl"
    assert main(["batch", source, "--to", "keras", "--out", "memory://out/x", "--report", str(report)]) == 0
    made = sorted(memory.find("/out"))
    below = "" if source.endswith("net1.prototxt") else "deep/"
    assert made[0] == f"/out/x/{below}net1.json"
    local = tmp_path / "net1.prototxt"
    local.write_text(caffe_net(1))
    assert memory.cat_file(made[0]).decode() == convert(local, "keras").text
    first = lines(tmp_path)[0]
    assert first["input"] == "memory:///nets/deep/net1.prototxt"
    assert first["outputs"][0]["path"] == f"memory://out/x/{below}net1.json"


def test_urls_are_resumed_by_hash(memory: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = str(tmp_path / "manifest.jsonl")
    command = [
        "batch",
        "memory://nets",
        "--to",
        "keras",
        "--out",
        "memory://out",
        "--report",
        report,
        "--resume",
    ]
    main(command)
    memory.pipe_file("/nets/deep/net1.prototxt", caffe_net(3).encode())
    assert main(command) == 0
    assert "(1 unchanged)" in capsys.readouterr().err


def test_diagnostics_are_about_the_url(memory: Any, tmp_path: Path) -> None:
    memory.pipe_file("/nets/deep/net1.prototxt", b"layer {")
    report = str(tmp_path / "manifest.jsonl")
    assert (
        main(["batch", "memory://nets", "--to", "keras", "--out", str(tmp_path / "out"), "--report", report])
        == 1
    )
    bad, _ = lines(tmp_path)
    assert bad["diagnostics"][0]["place"]["file"] == "memory:///nets/deep/net1.prototxt"


def test_stores_without_whole_puts_get_whole_files(nets: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out", tmp_path / "manifest.jsonl"
    command = [
        "batch",
        f"local://{nets}",
        "--to",
        "keras",
        "--out",
        f"local://{out}",
        "--report",
        str(report),
    ]
    assert main([*command, "--jobs", "2"]) == 0
    made = {path.relative_to(out).with_suffix("") for path in out.rglob("*.*")}
    assert made == {path.relative_to(nets).with_suffix("") for path in nets.rglob("*.*")}


@pytest.mark.parametrize("source", ["memory://nothing", "unheard-of://bucket/x", "zip://a::file://b"])
def test_url_that_leads_nowhere_is_wrong_usage(source: str, tmp_path: Path) -> None:
    assert main(["batch", source, "--to", "keras", "--out", str(tmp_path / "out")]) == 2
