"""Real Caffe files, and what a real Caffe said of them: in a folder beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.caffe.nets import CORPUS, KIT


def _parametrize(metafunc: pytest.Metafunc, name: str, files: list[Path]) -> None:
    if name not in metafunc.fixturenames:
        return
    absent = pytest.param(None, id="absent", marks=pytest.mark.skip(reason="../shared is absent"))
    metafunc.parametrize(name, [pytest.param(file, id=file.stem) for file in files] or [absent])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for every net of the corpus (`corpus_net`; solvers are none) or of the kit (`kit_net`)."""
    nets = [file for file in sorted(CORPUS.glob("*.prototxt")) if "_solver_" not in file.stem]
    _parametrize(metafunc, "corpus_net", nets)
    _parametrize(metafunc, "kit_net", sorted(KIT.glob("*.prototxt")))
