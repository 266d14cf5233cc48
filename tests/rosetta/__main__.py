"""Bring the op pages up to date: `python -m tests.rosetta [--rewrite] [OP …]`.

Writes the head of each page anew, and adds to each case the blocks of frameworks that it lacks, as the dialects write
them today; `--rewrite` makes all blocks but `read` ones anew. What it wrote is to be read before it is committed: the
tests hold the dialects to it from then on. A page without a case needs an `ir` block, written by hand.
"""

from __future__ import annotations

import argparse
import sys

from tests.rosetta.fragments import Unsupported, graph_of, inputs_of, lines_of, read_fragment, write_fragment
from tests.rosetta.page import FRAMEWORKS, MARK, Block, Case, Page, fenced, head_of, path_of, read_page
from transpiler.diagnostics import CompileError
from transpiler.ops.registry import OPS


def updated(page: Page, *, rewrite: bool = False) -> str:
    """The text that the page should have."""
    body = page.body
    for case in reversed(page.cases):
        blocks = [*case.blocks]
        if rewrite:
            blocks = [block for block in blocks if block.mode == "read"]
        text = "\n\n".join(
            [
                fenced("ir", case.ir.mode, case.ir.text),
                *(text for name in FRAMEWORKS for text in _blocks(case, blocks, name)),
            ]
        )
        end = case.blocks[-1].end if case.blocks else case.ir.end
        body = body[: case.ir.start] + text + body[end:]
    return f"{head_of(page.op)}{MARK}\n\n{body.strip() or _SKELETON}\n"


_SKELETON = "No example yet: write an `ir` block here."


def _blocks(case: Case, blocks: list[Block], framework: str) -> list[str]:
    """The blocks of one framework: those that are there, and one that is written if none says how it is written."""
    own = [fenced(block.language, block.mode, block.text) for block in blocks if block.language == framework]
    if any(block.language == framework and block.mode != "read" for block in blocks):
        return own
    return [_written(case, framework), *own]


def _written(case: Case, framework: str) -> str:
    graph = graph_of(case.ir.text)
    try:
        text = write_fragment(framework, graph)
    except Unsupported as reason:
        return fenced(framework, "unsupported", str(reason))
    given = inputs_of(graph)
    names = [node.name for node in given]
    try:
        back = lines_of(read_fragment(framework, text, given), names)
    except (CompileError, AssertionError):
        back = []
    return fenced(framework, "" if back == lines_of(graph, names) else "write", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ops", nargs="*", metavar="OP")
    parser.add_argument("--rewrite", action="store_true")
    arguments = parser.parse_args()
    for op in arguments.ops or OPS:
        page = read_page(op)
        text = updated(page, rewrite=arguments.rewrite)
        if text != page.text:
            path_of(op).write_text(text, encoding="utf-8")
            sys.stdout.write(f"{op}\n")


if __name__ == "__main__":
    main()
