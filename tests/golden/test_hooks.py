"""The definition of the pre-commit hook."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.golden.nets import change, net
from transpiler.cli import main

ROOT = Path(__file__).resolve().parents[2]
FIELDS = dict(
    re.findall(
        r"^[- ] (\w+): (.*)$", (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"), re.MULTILINE
    )
)


def test_hook_fails_when_a_model_changed(tmp_path: Path) -> None:
    program, *arguments = FIELDS["entry"].split()
    assert program == "transpiler"
    path = tmp_path / "a.prototxt"
    path.write_text(net(1))
    main(["golden", "record", str(tmp_path)])
    assert main([*arguments, str(tmp_path)]) == 0
    change(path, "num_output: 10", "num_output: 11")
    assert main([*arguments, str(tmp_path)]) == 1


@pytest.mark.parametrize("name", ["a.prototxt", "b/c.json", "d.pbtxt", "golden/a.prototxt/keras.json"])
def test_hook_looks_at_models(name: str) -> None:
    assert re.search(FIELDS["files"], name)
