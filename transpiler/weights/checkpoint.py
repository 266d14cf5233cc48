"""Where a checkpoint of TensorFlow lies: an index, files of elements, perhaps the directory of a SavedModel around."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from transpiler.ir import LazyArray
from transpiler.weights.tensor_bundle import read_bundle
from transpiler.weights.unreadable import diagnosed

INSIDE: Final = ("variables", "variables")
"""The checkpoint in the directory of a SavedModel."""
_PART: Final = re.compile(r"\.(index|data-\d{5}-of-\d{5})$")
SAVED_MODEL: Final = ("saved_model.pb", "saved_model.pbtxt")


def checkpoint_at(path: str) -> str | None:
    """The checkpoint that a path means, without `.index`: itself, one of its files, a SavedModel; None for others."""
    return (
        _present(_PART.sub("", path)) or saved_with(path) or _present(os.fspath(Path(path).joinpath(*INSIDE)))
    )


def saved_with(graph: str) -> str | None:
    """The checkpoint in the SavedModel that a file of a graph belongs to; None where there is none."""
    place = Path(graph)
    return _present(os.fspath(place.parent.joinpath(*INSIDE))) if place.name in SAVED_MODEL else None


def _present(prefix: str) -> str | None:
    return prefix if Path(f"{prefix}.index").is_file() else None


def read_checkpoint(prefix: str) -> dict[str, LazyArray]:
    """Its tensors by name, which stay in the file until they are loaded. Raises CompileError."""
    with diagnosed(f"{prefix}.index"):
        return read_bundle(prefix)
