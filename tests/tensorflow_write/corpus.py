"""Every given network against TensorFlow: which reach Keras but not TensorFlow, import, have our shapes, and run.

    python -m tests.tensorflow_write.corpus [--most-weights N] FILE...

One line a file; the last line counts. Networks with more weights than N are imported, not run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

import transpiler
from tests.tensorflow_write.running import BIG, Converted, convert, drawn, session, shapes, tensor, tf
from transpiler.diagnostics import CompileError, Severity

OPEN_SIZES = (2, 10, 64)
"""What open sizes are tried with, until the network takes one."""


def reaches_keras(path: Path) -> bool:
    try:
        transpiler.convert(path, "keras")
    except CompileError:
        return False
    return True


def outcome(path: Path, most: int) -> str:
    """One word, and what there is to say."""
    try:
        made = convert(path)
    except CompileError as error:
        said = [one.message for one in error.diagnostics if one.severity is Severity.ERROR]
        return f"{'KERAS-ONLY' if reaches_keras(path) else 'neither'} {said[0][:160]}"
    stated = [None if value.type.shape is None else list(value.type.shape) for value in made.legal.outputs]
    with session(made.text) as running:
        found = shapes(running, made.written.outputs)
        if found != stated:
            return f"SHAPES {stated} against {found}"
        if made.weights > most:
            return f"imported ({made.weights} weights)"
        running.run("init")
        return _ran(running, made, stated)


def _ran(running: Any, made: Converted, stated: list[Any]) -> str:
    tensors = [tensor(running, name) for name in made.written.outputs]
    said = ""
    for size in OPEN_SIZES:
        try:
            results = running.run(tensors, drawn(running, made.written, open_size=size))
        except (tf.errors.OpError, ValueError) as error:  # sizes that do not fit each other
            said = said or str(error)[:200]
            continue
        agree = all(_fits(result, shape) for result, shape in zip(results, stated, strict=True))
        finite = all(np.isfinite(result).all() for result in results)
        return f"{'ran' if agree and finite else 'WRONG'} ({made.weights} weights)"
    return f"FAILED {said}"


def _fits(result: Any, shape: list[int | None] | None) -> bool:
    return shape is None or (
        result.ndim == len(shape) and all(b in (None, a) for a, b in zip(result.shape, shape, strict=True))
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--most-weights", type=int, default=BIG)
    given = parser.parse_args()
    counts: dict[str, int] = {}
    for path in given.files:
        said = outcome(path, given.most_weights)
        word = said.split()[0]
        counts[word] = counts.get(word, 0) + 1
        sys.stdout.write(f"{path.name}: {said}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{dict(sorted(counts.items()))}\n")
    return 0 if counts.keys() <= {"ran", "imported", "neither"} else 1


if __name__ == "__main__":
    sys.exit(main())
