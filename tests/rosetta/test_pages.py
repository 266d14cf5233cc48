"""Every op has a page; every block of a page reads to the page's graph and is what is written for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rosetta.fragments import Unsupported, graph_of, inputs_of, lines_of, read_fragment, write_fragment
from tests.rosetta.page import FOLDER, FRAMEWORKS, Block, Case, head_of, read_page
from transpiler.ops.registry import OPS
from transpiler.parsers import textproto

NAMED_CASES = [(f"{op}-{i}", case) for op in OPS for i, case in enumerate(read_page(op).cases, 1)]


def blocks(*modes: str) -> list[Any]:
    """Parameters (case, block) for every block in one of these modes."""
    return [
        pytest.param(case, block, id=f"{name}-{block.language}")
        for name, case in NAMED_CASES
        for block in case.blocks
        if block.mode in modes
    ]


@pytest.mark.parametrize("op", OPS)
def test_page_is_up_to_date(op: str) -> None:
    page = read_page(op)
    assert page.text, f"there is no page: python -m tests.rosetta {op}"
    assert page.head == head_of(op), f"the head is out of date: python -m tests.rosetta {op}"
    assert page.cases, "the page has no example"


def test_every_page_has_an_op() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} - {"README"} <= set(OPS)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in NAMED_CASES])
def test_case_says_what_every_framework_has(case: Case) -> None:
    languages = [block.language for block in case.blocks if block.mode != "read"]
    assert languages == list(FRAMEWORKS)


@pytest.mark.parametrize(("case", "block"), blocks("", "read"))
def test_block_reads_to_the_graph(case: Case, block: Block) -> None:
    graph = graph_of(case.ir.text)
    given = inputs_of(graph)
    names = [node.name for node in given]
    assert lines_of(read_fragment(block.language, block.text, given), names) == lines_of(graph, names)


@pytest.mark.parametrize(("case", "block"), blocks("", "write"))
def test_block_is_what_is_written(case: Case, block: Block) -> None:
    written = write_fragment(block.language, graph_of(case.ir.text))
    if block.language == "caffe":
        assert textproto.parse(written) == textproto.parse(block.text), written
    else:
        assert json.loads(written) == json.loads(block.text), written


@pytest.mark.parametrize(("case", "block"), blocks("unsupported"))
def test_framework_refuses_for_the_reason_given(case: Case, block: Block) -> None:
    with pytest.raises(Unsupported) as refused:
        write_fragment(block.language, graph_of(case.ir.text))
    assert str(refused.value) == block.text.strip()
