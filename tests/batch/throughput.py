"""How fast a batch is, and what a second process gives: `python -m tests.batch.throughput --files 20000`.

Prints files per second for each number of jobs, and the efficiency: the speed of n jobs over n times that of one.
Other load on the machine shows in the figures; several rounds, interleaved, and their medians make that less.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.batch.commands import run
from tests.batch.nets import write_nets
from tests.batch.trees import account, results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--source", type=Path, help="A directory of models instead of generated ones.")
    asked = parser.parse_args()
    rates: dict[int, list[float]] = {jobs: [] for jobs in asked.jobs}
    with tempfile.TemporaryDirectory() as folder:
        source = asked.source or Path(folder, "nets")
        if asked.source is None:
            write_nets(source, asked.files)
        outs: list[Path] = []
        for number in range(asked.rounds):
            for jobs in asked.jobs:
                out = Path(folder, f"out{number}-{jobs}")
                began = time.monotonic()
                done = run("batch", source, "--to", "keras", "--out", out, "--jobs", str(jobs), "--quiet")
                seconds = time.monotonic() - began
                count = len(account(out))
                rates[jobs].append(count / seconds)
                outs.append(out)
                print(
                    f"{jobs} jobs: {count / seconds:,.1f} files/s, {seconds:.1f} s with start; {done.stderr.strip()}"
                )
        same = all(results(out) == results(outs[0]) and account(out) == account(outs[0]) for out in outs)
    base = statistics.median(rates[asked.jobs[0]]) / asked.jobs[0]
    for jobs, measured in rates.items():
        print(f"{jobs} jobs: median {statistics.median(measured):,.1f} files/s, ", end="")
        print(f"efficiency {statistics.median(measured) / (jobs * base):.2f}")
    print("all results and manifests are equal" if same else "RESULTS DIFFER")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
