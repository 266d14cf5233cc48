"""The pages under docs/ops: one an op, a head that is made from the registry, and fenced blocks that tests check.

A case is an `ir` block and the blocks of frameworks that follow it. The info string of a block names its framework and
perhaps a mode: `caffe`, `keras3 read` (an old spelling, read but never written), `keras2 write`, `caffe unsupported`.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from transpiler.cli.ops import markdown
from transpiler.driver.reference import page_of

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "ops"
FRAMEWORKS = ("caffe", "keras3", "keras2")
MARK = "<!-- Above: made from the op's class. Below: checked by tests/rosetta. -->"

_BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(msgspec.Struct, frozen=True):
    """A fenced block: its framework (or `ir`), its mode ("" for both directions), its text, its place in the page."""

    language: str
    mode: str
    text: str
    start: int
    end: int


class Case(msgspec.Struct, frozen=True):
    """One graph and how frameworks spell it."""

    ir: Block
    blocks: tuple[Block, ...] = ()


class Page(msgspec.Struct, frozen=True):
    """The text of a page; `head` and `body` are what stands before and after the mark."""

    op: str
    text: str

    @property
    def head(self) -> str:
        return self.text.partition(MARK)[0]

    @property
    def body(self) -> str:
        return self.text.partition(MARK)[2]

    @property
    def cases(self) -> tuple[Case, ...]:
        found: list[Case] = []
        for match in _BLOCK.finditer(self.body):
            block = Block(match[1], match[2] or "", match[3], match.start(), match.end())
            if block.language == "ir":
                found.append(Case(block))
            elif found:
                found[-1] = Case(found[-1].ir, (*found[-1].blocks, block))
        return tuple(found)


def path_of(op: str) -> Path:
    return FOLDER / f"{op}.md"


def read_page(op: str) -> Page:
    """The page of an op, empty if there is none yet."""
    path = path_of(op)
    return Page(op, path.read_text(encoding="utf-8") if path.exists() else "")


def head_of(op: str) -> str:
    """The head as the registry and the dialects have it: what `transpiler ops NAME --format markdown` prints."""
    text = "\n".join(markdown(page_of(op)))
    return f"{text.strip().removeprefix('#')}\n\n"


def fenced(language: str, mode: str, text: str) -> str:
    return f"```{language}{' ' if mode else ''}{mode}\n{text.rstrip()}\n```"
