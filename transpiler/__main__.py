"""The process of the command `transpiler`, also `python -m transpiler`: it starts fast, and ends fast."""

from __future__ import annotations

import gc
import sys
from typing import Final

OBJECTS_BEFORE_COLLECTION: Final = 100_000
"""Loading modules makes tens of thousands of objects and no garbage. At Python's own threshold, 700, it would look
for some again and again: a tenth of the time that a small conversion takes."""


def run() -> None:
    """Run the command with the arguments of the process, and leave with its exit code."""
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    from transpiler.cli import main

    code = main()
    # The interpreter would look for garbage in everything once more before it ends, and nobody needs the memory back.
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    run()
