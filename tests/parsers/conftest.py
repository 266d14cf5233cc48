"""The corpus of real files: a folder beside the project, used where it is present."""

from __future__ import annotations

from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
LARGE = 60_000
"""Files above this size, in bytes, are read by the slow reference reader only in slow runs."""


def files(patterns: tuple[str, ...]) -> list[object]:
    """Return a test parameter for every file of the corpus, or one that is skipped where there is none."""
    found = sorted(path for pattern in patterns for path in CORPUS.glob(pattern))
    if not found:
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason="../shared/corpus is absent"))]
    slow = [pytest.mark.slow]
    return [
        pytest.param(path, id=path.stem, marks=slow if path.stat().st_size > LARGE else []) for path in found
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `textproto_file` or `json_file` once for every such file of the corpus."""
    if "textproto_file" in metafunc.fixturenames:
        patterns = ("caffe/*.prototxt", "tensorflow/*.pbtxt", "onnx/*.textproto")
        metafunc.parametrize("textproto_file", files(patterns))
    if "json_file" in metafunc.fixturenames:
        metafunc.parametrize("json_file", files(("keras/*.json",)))
