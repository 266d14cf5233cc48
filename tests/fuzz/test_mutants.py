"""Damaged files through the whole command: no exception, no hang, no output beside an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.cases import run_case
from tests.fuzz.inputs import OWN, all_inputs

_CASES_OF_OWN = 200
_CASES_OF_ALL = 200


@pytest.mark.parametrize("first", range(0, _CASES_OF_OWN, 50))
def test_damaged_small_files_are_handled(tmp_path: Path, first: int) -> None:
    faults = [one for seed in range(first, first + 50) if (one := run_case(seed, OWN, tmp_path)).fault]
    assert not faults


@pytest.mark.skipif(all_inputs() == OWN, reason="the corpus is not here")
@pytest.mark.parametrize("first", range(0, _CASES_OF_ALL, 50))
def test_damaged_real_files_are_handled(tmp_path: Path, first: int) -> None:
    faults = [
        one for seed in range(first, first + 50) if (one := run_case(seed, all_inputs(), tmp_path)).fault
    ]
    assert not faults
