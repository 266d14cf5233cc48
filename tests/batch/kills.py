"""Killing a batch again and again: `python -m tests.batch.kills --files 2000 --kills 20`.

A run is killed with SIGKILL at random, seeded moments, sometimes with its worker processes and sometimes without, and
gone on with each time. In the end every file must be there once, whole, and as in a run that nobody disturbed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.batch.commands import line_count, run, start
from tests.batch.nets import write_nets
from tests.batch.trees import MANIFEST, account, lines, results


def undisturbed(source: Path, out: Path, jobs: int) -> float:
    """A whole run; the seconds that it took."""
    began = time.monotonic()
    run("batch", source, "--to", "keras", "--out", out, "--jobs", str(jobs), "--quiet")
    return time.monotonic() - began


def killed(source: Path, out: Path, *, jobs: int, kills: int, seed: int, seconds: float) -> list[int]:
    """A run killed so many times and then finished; how many files were accounted for after each kill.

    `seconds`: what an undisturbed run takes, over which the kills are spread.
    """
    draw = random.Random(seed)
    marks: list[int] = []
    command = (
        "batch",
        source,
        "--to",
        "keras",
        "--out",
        out,
        "--jobs",
        str(jobs),
        "--quiet",
        "--resume",
        "--no-sort",
    )
    for _ in range(kills):
        process = start(*command)
        # A start takes a moment during which nothing is converted; some kills come then, most later.
        moment = draw.uniform(0.1, 2.0 + 1.6 * seconds / kills)
        with_workers = draw.random() < 0.5
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            if with_workers:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.wait()
        marks.append(line_count(out / MANIFEST))
    run(*command)
    return marks


def differences(source: Path, whole: Path, torn: Path) -> list[str]:
    """What is wrong with a run that was killed, compared with one that was not."""
    found: list[str] = []
    if results(whole) != results(torn):
        found.append("the results differ")
    if account(whole) != account(torn):
        found.append("the manifests differ")
    inputs = [record["input"] for record in lines(torn)]
    if len(inputs) != len(set(inputs)):
        found.append(f"{len(inputs) - len(set(inputs))} files were recorded twice")
    if len(inputs) != sum(path.is_file() for path in source.rglob("*")):
        found.append("files are missing")
    found += [f"{path} was left behind" for path in torn.glob(".*")]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, whole, torn = (Path(folder, name) for name in ("nets", "whole", "torn"))
        write_nets(source, asked.files)
        seconds = undisturbed(source, whole, asked.jobs)
        print(f"undisturbed: {asked.files:,} files in {seconds:.1f} s")
        marks = killed(source, torn, jobs=asked.jobs, kills=asked.kills, seed=asked.seed, seconds=seconds)
        print(f"files accounted for after each kill: {marks}")
        found = differences(source, whole, torn)
    print("\n".join(found) or f"killed {asked.kills} times, resumed: equal to the undisturbed run")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
