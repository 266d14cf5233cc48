from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.nets import write_nets


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    """A directory with a few small networks in two directories; none has an error."""
    folder = tmp_path / "nets"
    write_nets(folder, 6, in_one=3)
    return folder
