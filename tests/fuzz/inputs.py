"""The files that are damaged: two small ones of our own, and the corpus where it is present."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
OWN: Final = tuple(sorted((_HERE / "data").glob("*.*")))
CORPUS: Final = _HERE.parents[2] / "shared" / "corpus"
"""Real files of other people, beside the checkout; absent in a plain clone."""


def all_inputs() -> tuple[Path, ...]:
    """The own files, then those of the corpus, sorted."""
    corpus = [*sorted(CORPUS.glob("caffe/*.prototxt")), *sorted(CORPUS.glob("keras/*.json"))]
    return (*OWN, *corpus)
