"""The files that benchmarks read: a corpus of real ones, of which the largest tell most."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec


class Missing(Exception):
    """A benchmark cannot run here; the message says what it needs."""


class Settings(msgspec.Struct, frozen=True):
    """What the command line says: where the corpus is, and how many rounds to run."""

    corpus: Path
    rounds: int
    sizes: tuple[int, ...]

    def largest(self, framework: str, pattern: str, count: int) -> list[Path]:
        """The largest files of a framework, largest first. Raises Missing where there are none."""
        found = sorted(
            (self.corpus / framework).glob(pattern), key=lambda path: (-path.stat().st_size, path.name)
        )
        if not found:
            raise Missing(
                f"there is no {framework}/{pattern} in {self.corpus}: say with --corpus where real files are"
            )
        return found[:count]

    def file(self, framework: str, name: str) -> Path:
        """One file. Raises Missing."""
        path = self.corpus / framework / name
        if not path.is_file():
            raise Missing(f"there is no {path}: say with --corpus where real files are")
        return path


def reference_reader(framework: str) -> Callable[[str], object]:
    """Google's own reader of protobuf text for a framework's schema. Raises Missing."""
    try:
        from google.protobuf import text_format
    except ImportError as error:
        raise Missing("the package protobuf is not installed") from error
    message = _messages(framework)
    return lambda text: text_format.Parse(text, message(), allow_unknown_field=True)


@cache
def _messages(framework: str) -> Any:
    if framework == "caffe":
        from transpiler.dialects.caffe.descriptor import net_parameter_class

        return net_parameter_class()
    try:
        from tensorflow.core.framework.graph_pb2 import GraphDef
    except ImportError as error:
        raise Missing("the package tensorflow, whose schema is needed, is not installed") from error
    return GraphDef
