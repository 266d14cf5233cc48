"""The command as a whole process, cold, against a bare interpreter.

Installed packages have their modules compiled to byte code. A checkout that runs where Python may not write byte code
(PYTHONDONTWRITEBYTECODE) compiles everything again each time: that is shown too, without a goal.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.files import Settings
from benchmarks.measure import interleaved, process
from benchmarks.report import Row, sides

_TIMES: Final = 3.5
_PLUS: Final = 0.1
"""A cold conversion may take so many times a bare interpreter, and so many seconds more."""
_FILE: Final = "fabrik_vgg16.prototxt"


def startup(settings: Settings) -> Iterator[Row]:
    """VGG-16 from a prototxt to Keras."""
    source = settings.file("caffe", _FILE)
    with tempfile.TemporaryDirectory() as folder:
        compiled, nowhere = Path(folder, "compiled"), Path(folder, "none")
        target = Path(folder, "out.json")
        # The first run, which does not count, leaves byte code for the others, as an installation does.
        writing = {"PYTHONPYCACHEPREFIX": str(compiled), "PYTHONDONTWRITEBYTECODE": ""}
        yield _cold(source, target, settings.rounds, "compiled", writing)
        uncompiled = {"PYTHONPYCACHEPREFIX": str(nowhere), "PYTHONDONTWRITEBYTECODE": "1"}
        yield _cold(source, target, settings.rounds, "no byte code", uncompiled)


def _cold(source: Path, target: Path, rounds: int, kind: str, env: Mapping[str, str]) -> Row:
    beside = Path(sys.executable).with_name("transpiler")
    command = [str(beside)] if beside.exists() else [shutil.which("transpiler") or "transpiler"]
    ours = [*command, "convert", str(source), "--to", "keras", "-o", str(target)]
    times = interleaved(
        {"ours": process(ours, env), "bare": process([sys.executable, "-c", "pass"], env)}, rounds
    )
    limit = _TIMES * times["bare"].cpu + _PLUS
    share = times["ours"].cpu / limit
    has_goal = kind == "compiled"
    return Row(
        "startup",
        f"{source.name} to Keras, {kind}",
        share,
        "of the limit",
        "<= 1" if has_goal else "",
        share <= 1 if has_goal else None,
        sides(times["ours"], times["bare"]),
    )
