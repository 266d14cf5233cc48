"""A pytest plugin: the fixture `golden_model` compares a model with its golden files, with syrupy underneath.

    def test_lenet(golden_model):
        golden_model("nets/lenet.prototxt", to=["keras"])

The golden files are those of `transpiler golden`; `pytest --snapshot-update` writes them. Loaded in every test run
where this package is installed, and so imports nothing of it before the fixture is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from transpiler.driver.options import Options

GoldenModel = Callable[..., None]


@pytest.fixture
def golden_model(request: pytest.FixtureRequest) -> GoldenModel:
    """A function that fails the test if a model is not converted to what its golden files hold.

    `golden_model(path, to=None, *, root=None, options=None)`: `to` are the targets, those recorded for `root` if None;
    `root` is the directory whose `golden/` holds the files; by default the nearest one above the model for which
    `transpiler golden record` was run, else the model's own.
    """
    try:
        snapshot: Any = request.getfixturevalue("snapshot")
    except pytest.FixtureLookupError:
        pytest.fail("golden_model needs syrupy: pip install 'transpiler[golden]'", pytrace=False)

    def check(
        path: str | os.PathLike[str],
        to: Sequence[str] | None = None,
        *,
        root: str | os.PathLike[str] | None = None,
        options: Options | None = None,
    ) -> None:
        from transpiler.golden.snapshots import check_model

        said = check_model(snapshot, path, to, root, options)
        if said:
            pytest.fail(said, pytrace=False)

    return check
