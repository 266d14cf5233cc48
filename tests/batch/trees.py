"""What a run left behind, in a form that two runs can be compared by."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

MANIFEST = "manifest.jsonl"


def results(out: Path) -> dict[str, str]:
    """The SHA-256 of every file below a directory but the manifest."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def lines(out: Path) -> list[dict[str, Any]]:
    """The manifest of a run as it is."""
    return [json.loads(line) for line in (out / MANIFEST).read_text().splitlines()]


def account(out: Path) -> list[dict[str, Any]]:
    """The manifest of a run in the order of inputs, without what may differ: times, and where the results went."""
    found = lines(out)
    for record in found:
        del record["seconds"]
        for output in record["outputs"]:
            output["path"] = Path(output["path"]).relative_to(out).as_posix()
    return sorted(found, key=lambda record: str(record["input"]))


def statuses(out: Path) -> dict[str, str]:
    """What became of each input, by its file name."""
    return {Path(record["input"]).name: record["status"] for record in lines(out)}
