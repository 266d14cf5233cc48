"""Damaged graphs, as text and as bytes: python -m tests.tensorflow.mutants [--count N] [--first SEED] [FILE...].

Reading and shaping must end in a graph or in a diagnostic. Without files: the small graphs of the corpus as text, and
the same as bytes. The last line counts.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import msgspec

from tests.fuzz.mutations import mutated
from tests.tensorflow import wire_mutations
from tests.tensorflow.graphs import CORPUS
from transpiler.diagnostics import CompileError, Sink, Source
from transpiler.ir.verifier import verify
from transpiler.parsers.textproto import parse_source
from transpiler.passes.lower.tensorflow import lower
from transpiler.passes.manager import Context, run
from transpiler.passes.pipelines import READ

SECONDS = 5.0
"""Nothing may take longer, however broken the file."""
SMALL = 110_000


class Original(msgspec.Struct, frozen=True):
    """A file that is damaged."""

    name: str
    data: bytes
    binary: bool


def fault(seed: int, original: Original) -> str | None:
    """What went wrong with one mutant; None if it was handled."""
    wire = original.binary and seed % 4
    data, done = (wire_mutations.mutated if wire else mutated)(seed, original.data)
    start = time.process_time()
    try:
        _read(data, original)
    except CompileError:
        pass
    except Exception as error:  # noqa: BLE001 - the point of the exercise: nothing may escape
        return f"{type(error).__name__} {error} ({', '.join(done)})"
    seconds = time.process_time() - start
    return f"took {seconds:.1f} s ({', '.join(done)})" if seconds > SECONDS else None


def _read(data: bytes, original: Original) -> None:
    sink = Sink()
    if original.binary:
        module = lower(data, "mutant", sink)
    else:
        message = parse_source(Source("mutant", data.decode("latin-1")), sink)
        sink.raise_if_errors()
        module = lower(message, "mutant", sink)
    sink.raise_if_errors()
    graph = module.graph("")
    verify(graph)
    run(graph, READ, Context(sink))


def originals(paths: list[Path]) -> list[Original]:
    """The files, text also as bytes where TensorFlow can read it."""
    found = []
    for path in paths:
        data = path.read_bytes()
        found.append(Original(path.name, data, path.suffix == ".pb"))
        if path.suffix != ".pb" and (encoded := _encoded(data)):
            found.append(Original(f"{path.name} as bytes", encoded, binary=True))
    return found


def _encoded(data: bytes) -> bytes | None:
    """A text graph in the wire format."""
    from google.protobuf import text_format
    from tensorflow.core.framework import graph_pb2

    graph = graph_pb2.GraphDef()
    try:
        text_format.Parse(data, graph)
    except text_format.ParseError:
        return None
    encoded: bytes = graph.SerializeToString()
    return encoded


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tensorflow.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("files", nargs="*", type=Path)
    asked = parser.parse_args(arguments)
    small = [path for path in sorted(CORPUS.glob("*.pbtxt")) if path.stat().st_size < SMALL]
    files = originals(asked.files or small)
    bad, slowest = 0, 0.0
    for seed in range(asked.first, asked.first + asked.count):
        start = time.process_time()
        found = fault(seed, files[seed % len(files)])
        slowest = max(slowest, time.process_time() - start)
        if found is not None:
            bad += 1
            sys.stdout.write(f"seed {seed} {files[seed % len(files)].name}: {found}\n")
            sys.stdout.flush()
    sys.stdout.write(
        f"{asked.count} mutants of {len(files)} files, {bad} misbehaved, slowest {slowest:.1f} s\n"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
