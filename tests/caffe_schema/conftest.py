"""The corpus of real Caffe files, and what a real Caffe said of them: both in a folder beside the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CORPUS = SHARED / "corpus" / "caffe"
ORACLE = SHARED / "oracle" / "caffe"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `corpus_file` once for every file of the corpus."""
    if "corpus_file" not in metafunc.fixturenames:
        return
    files = sorted(CORPUS.glob("*.prototxt"))
    absent = pytest.param(None, id="absent", marks=pytest.mark.skip(reason="../shared/corpus is absent"))
    metafunc.parametrize("corpus_file", [pytest.param(file, id=file.stem) for file in files] or [absent])


@pytest.fixture
def caffe_said(corpus_file: Path) -> dict[str, Any]:
    """What BVLC Caffe 1.0 said of a file of the corpus, by phase."""
    recorded = ORACLE / f"{corpus_file.stem}.json"
    if not recorded.exists():
        pytest.skip("../shared/oracle is absent")
    said: dict[str, Any] = json.loads(recorded.read_text())
    return said
