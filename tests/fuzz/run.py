"""The long fuzz run: python -m tests.fuzz.run --count 20000 --jobs 2 [--first SEED]."""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final

from tests.fuzz.cases import Outcome, run_case
from tests.fuzz.inputs import KINDS, all_inputs, binary_graphs

MEMORY: Final = 4 * 1024**3
"""Bytes of address space for each process."""


def main() -> int:
    """Run the cases that are asked for; 1 if any of them misbehaved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many cases")
    parser.add_argument("--jobs", type=int, default=2, help="how many processes")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--kinds", default=",".join(KINDS), help="which parts of the corpus, comma between")
    parser.add_argument("--binary", action="store_true", help="also TensorFlow's graphs in binary form")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        more = binary_graphs(Path(folder)) if asked.binary else ()
        return _cases((*all_inputs(tuple(asked.kinds.split(","))), *more), asked)


def _cases(inputs: tuple[Path, ...], asked: argparse.Namespace) -> int:
    """Run the cases, write a summary to stdout, and return 1 if any of them misbehaved."""
    seeds = range(asked.first, asked.first + asked.count)
    with multiprocessing.Pool(asked.jobs, initializer=_limit_memory) as pool:
        outcomes = list(pool.imap_unordered(partial(_run, inputs), seeds, chunksize=50))
    sys.stdout.write(_summary(sorted(outcomes, key=lambda one: one.seed), len(inputs)))
    return 1 if any(one.fault for one in outcomes) else 0


def _limit_memory() -> None:
    """Let a case that wants too much memory fail by itself instead of taking the machine down."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _run(inputs: tuple[Path, ...], seed: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return run_case(seed, inputs, Path(folder))


def _summary(outcomes: list[Outcome], files: int) -> str:
    faults = [one for one in outcomes if one.fault]
    codes = Counter(one.code for one in outcomes)
    slowest = max(outcomes, key=lambda one: one.seconds)
    lines = [
        f"seed {one.seed} ({one.file} to {one.target}; {', '.join(one.mutations)}): {one.fault}"
        for one in faults
    ]
    lines += [
        f"{len(outcomes)} cases on {files} files: {codes[0]} converted, {codes[1]} refused, {len(faults)} misbehaved",
        f"slowest: {slowest.seconds:.2f} s (seed {slowest.seed}, {slowest.file} to {slowest.target})",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
