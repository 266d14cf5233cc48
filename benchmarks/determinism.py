"""The same bytes whatever Python's hash seed is: every file of the corpus to every target, under two seeds.

Each seed runs in a process of its own (`python -m benchmarks.determinism FILE…`), which writes a digest a conversion.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import transpiler
from benchmarks.files import Missing, Settings
from benchmarks.report import Row
from transpiler.diagnostics import render_json
from transpiler.driver.targets import TARGETS

_PATTERNS: Final = ("caffe/*.prototxt", "keras/*.json", "tensorflow/*.pbtxt")
SEEDS: Final = (0, 1)


def determinism(settings: Settings) -> Iterator[Row]:
    """The whole corpus. Diagnostics count too: the same ones in the same order."""
    files = sorted(path for pattern in _PATTERNS for path in settings.corpus.glob(pattern))
    if not files:
        raise Missing(f"there are no files in {settings.corpus}: say with --corpus where real files are")
    different = differing(files)
    details = ", ".join(different[:10])
    subject = f"{len(files)} files to {len(TARGETS)} targets"
    yield Row("determinism", subject, len(different), "differ", "0", not different, details)


def differing(files: Sequence[Path]) -> list[str]:
    """The conversions, as FILE>TARGET, that come out differently under the two seeds."""
    first, second = (_digests(files, seed) for seed in SEEDS)
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def _digests(files: Sequence[Path], seed: int) -> dict[str, str]:
    command = [sys.executable, "-m", "benchmarks.determinism", *map(str, files)]
    env = {**os.environ, "PYTHONHASHSEED": str(seed)}
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def digests(files: Sequence[str]) -> dict[str, str]:
    """FILE>TARGET -> digest of the text, or of the errors, and of what else was said."""
    return {f"{Path(file).name}>{target}": _digest(file, target) for file in files for target in TARGETS}


def _digest(file: str, target: str) -> str:
    try:
        made = transpiler.convert(file, to=target)
        said = made.text + render_json(made.diagnostics)
    except transpiler.CompileError as error:
        said = render_json(error.diagnostics)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(digests(sys.argv[1:])))
