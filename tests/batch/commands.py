"""Starting the command as users do: as a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "transpiler"]


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    """The command, running in a session of its own, so that it can be killed with all its processes."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=ROOT, start_new_session=True, **{**quiet, **options}
    )


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=ROOT, check=False, capture_output=True, text=True
    )


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether something came to hold in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def line_count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
