"""What the documents say of the program is what the program says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("    #")[0]
    for line in re.findall(r"^    \$ (transpiler .*)$", README, re.MULTILINE)
    if "-o " not in line and "lenet.json" not in line
]


def test_support_table_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, "tools/support_table.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run: python tools/support_table.py"


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_readme_work(command: str) -> None:
    _, *arguments = shlex.split(command)
    done = subprocess.run(
        [sys.executable, "-m", "transpiler", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_table_of_the_readme_is_what_inspect_prints() -> None:
    command = [sys.executable, "-m", "transpiler", "inspect", "examples/lenet.prototxt"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        assert line.rstrip() in README


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_links_of_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
