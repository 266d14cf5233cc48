"""Every network of the zoo against files that other people wrote of it, layer by layer."""

from __future__ import annotations

from pathlib import Path

import pytest

import transpiler
from tests.zoo.counterparts import COUNTERPARTS, WITHOUT_COUNTERPART, Counterpart
from tests.zoo.structure import differences, normal_form
from transpiler.zoo import NETWORKS

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")
@pytest.mark.parametrize("counterpart", COUNTERPARTS, ids=str)
def test_differs_as_explained_and_in_nothing_else(counterpart: Counterpart) -> None:
    module = transpiler.read(
        CORPUS / counterpart.file, phase="TEST", input_shapes=counterpart.input_shapes or None
    )
    found = differences(normal_form(module, {}), normal_form(counterpart.module(), {}))
    assert found == {one.what: one.layers for one in counterpart.differences}


def test_every_network_has_a_counterpart_or_a_reason() -> None:
    compared = {one.network for one in COUNTERPARTS}
    assert {entry.name for entry in NETWORKS} - compared == set(WITHOUT_COUNTERPART)
