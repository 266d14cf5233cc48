"""Which files of a directory are models."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from pathlib import Path, PurePath
from typing import Final

from transpiler.driver.options import UsageError

MODEL_SUFFIXES: Final = (".prototxt", ".json", ".pbtxt", ".pb", ".keras", ".ir")
"""Files that are taken from a directory; files that are named one by one may be called anything."""


def is_model_name(name: str) -> bool:
    """Whether a file of that name is taken from a directory: hidden files are not."""
    return not name.startswith(".") and PurePath(name).suffix.lower() in MODEL_SUFFIXES


def model_files(
    directory: str, passed_over: Container[str] = (), named: Container[str] = ()
) -> Iterator[str]:
    """The paths of the models below a directory, in order; links to directories are not followed.

    Hidden directories are passed over, those whose real path is in `passed_over`, and those whose name is in `named`.
    Raises UsageError for a directory that cannot be read: its models would be missed.
    """
    for here, folders, files in os.walk(directory, onerror=_refuse):
        folders[:] = [
            name
            for name in sorted(folders)
            if not name.startswith(".")
            and name not in named
            and os.path.realpath(Path(here, name)) not in passed_over
        ]
        for name in sorted(files):
            if is_model_name(name):
                yield str(PurePath(here, name))


def _refuse(error: OSError) -> None:
    raise UsageError(f"the directory {error.filename} cannot be read: {error.strerror}") from error
