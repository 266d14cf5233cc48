"""The grammars are the definition: the fast scanners use their very terminals, found without Lark."""

import gc
import re

import pytest

from transpiler.parsers.collector import collector_paused
from transpiler.parsers.grammar import grammar_text, terminals


@pytest.mark.parametrize("notation", ["textproto", "json"])
def test_terminals_are_those_that_lark_sees(notation: str) -> None:
    from lark import Lark
    from lark.lexer import PatternRE

    lark = Lark(grammar_text(notation), parser="lalr", keep_all_tokens=True)
    seen = {terminal.name for terminal in lark.terminals if isinstance(terminal.pattern, PatternRE)}
    assert set(terminals(notation)) == seen


@pytest.mark.parametrize("notation", ["textproto", "json"])
def test_terminals_have_no_groups_of_their_own(notation: str) -> None:
    for pattern in terminals(notation).values():
        assert re.compile(pattern).groups == 0


def test_a_missing_grammar_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"fortran\.lark"):
        grammar_text("fortran")


def test_the_collector_runs_again_after_a_pause() -> None:
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), collector_paused():
        1 / 0  # noqa: B018  (any exception will do)
    assert gc.isenabled()
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
