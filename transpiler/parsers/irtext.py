"""The graph's text form to syntax tree.

The notation is `grammar/irtext.lark`, which Lark runs. Every line of a graph is a statement, and so reading goes on
at the next line that begins one after an error: several errors are reported at once.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from transpiler.diagnostics import Sink, Source
from transpiler.parsers.characters import shown_character, shown_text
from transpiler.parsers.grammar import grammar_text
from transpiler.parsers.irtext_builder import build
from transpiler.syntax.irtext import Module

if TYPE_CHECKING:
    from lark import Lark

MAX_DEPTH: Final = 100
"""Data nest at most this deep."""
MAX_ERRORS: Final = 20
"""Reading stops after this many syntax errors: the text is something else."""

_BRACKET: Final = re.compile(r'"(?:[^"\\\n]|\\[^\n])*+"|#[^\n]*+|`(?:[^`\\\n]|\\[^\n])*+`|([\[{(])|([\]})])')
_STATEMENT: Final = re.compile(r"^[ \t]*+(?=%|return\b|graph\b)", re.MULTILINE)
_WORDS: Final = {
    "$END": "the end of the text",
    "VALUE": "a value such as %x",
    "SYMBOL": "an array such as @conv1/kernel",
    "WORD": "a word",
    "QUOTED_WORD": "a word",
    "STRING": "a string",
    "NUMBER": "a number",
    "EQUAL": "'='",
    "COLON": "':'",
    "COMMA": "','",
    "LBRACE": "'{'",
    "RBRACE": "'}'",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "QMARK": "'?'",
    "STAR": "'*'",
    "MINUS": "'-'",
    "VBAR": "'|'",
}
"""How sentences name the terminals. Keywords are named by themselves."""
_MAX_NAMED: Final = 4


def parse(text: str, name: str = "<string>") -> Module:
    """Return the module that a text describes; `name` is what diagnostics call the text.

    Raises CompileError with all syntax errors found.
    """
    sink = Sink()
    module = parse_source(Source(name, text), sink)
    sink.raise_if_errors()
    return module


def parse_source(source: Source, sink: Sink) -> Module:
    """Return the module that a source describes, empty if it cannot be made out; syntax errors go to the sink."""
    from lark import UnexpectedInput

    if not _shallow(source, sink):
        return Module(())
    recovery = _Recovery(source, sink)
    try:
        tree = _lark().parse(source.text, on_error=recovery.go_on)
    except UnexpectedInput:
        return Module(())
    return build(tree, source, sink)


@cache
def _lark() -> Lark:
    """Lark's parser, made when first needed: importing Lark takes longer than most conversions."""
    from lark import Lark

    return Lark(
        grammar_text("irtext"),
        parser="lalr",
        lexer="contextual",
        propagate_positions=True,
        maybe_placeholders=True,
    )


def _shallow(source: Source, sink: Sink) -> bool:
    """Whether nothing nests too deeply; otherwise that is reported. Building the tree takes recursion."""
    depth = 0
    for match in _BRACKET.finditer(source.text):
        depth += (match.lastindex == 1) - (match.lastindex == 2)
        if depth > MAX_DEPTH:
            span = source.span(match.start(), match.end())
            sink.error("T0305", f"more than {MAX_DEPTH} brackets are open inside one another", span)
            return False
    return True


class _Recovery(msgspec.Struct):
    """Reports syntax errors and sets Lark on the next statement."""

    source: Source
    sink: Sink
    count: int = 0

    def go_on(self, error: Any) -> bool:
        """Report the error; whether a place was found at which reading goes on."""
        start = int(error.pos_in_stream)
        self.count += 1
        if self.count > MAX_ERRORS:
            end = self.source.span(start, start)
            self.sink.error(
                "T0306", f"more than {MAX_ERRORS} syntax errors; the rest of the text was not read", end
            )
            return False
        self._report(error, start)
        return self._resume(error, start)

    def _report(self, error: Any, start: int) -> None:
        from lark import UnexpectedToken

        expected = _expected(error)
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            end = len(self.source.text.rstrip())
            self.sink.error(
                "T0301", f"the text ends where {expected} was expected", self.source.span(end, end)
            )
            return
        if isinstance(error, UnexpectedToken):
            text = str(error.token)
            message = f"{expected} was expected, not {shown_text(text)}"
            self.sink.error("T0301", message, self.source.span(start, start + len(text)))
            return
        char = self.source.text[start]
        span = self.source.span(start, start + 1)
        if char in '"`' or (char in "%@" and self.source.text[start + 1 : start + 2] == '"'):
            self.sink.error("T0303", "this is not closed before the end of its line", span)
        else:
            self.sink.error("T0302", f"{expected} was expected, not {shown_character(char)}", span)

    def _resume(self, error: Any, start: int) -> bool:
        """Move Lark's lexer to the next statement, and its stack to a state that takes it."""
        text = self.source.text
        found = _STATEMENT.search(text, text.rfind("\n", 0, start) + 1)
        while found is not None and found.end() < start:
            found = _STATEMENT.search(text, found.end() + 1)
        if found is None:
            return False
        wanted = "GRAPH" if text.startswith("graph", found.end()) else "RETURN"
        state = error.interactive_parser.parser_state
        tables = state.parse_conf.parse_table.states
        while wanted not in tables[state.state_stack[-1]]:
            if len(state.state_stack) == 1:
                return False
            state.state_stack.pop()
            state.value_stack.pop()
        error.interactive_parser.lexer_thread.state.line_ctr.char_pos = found.end()
        return True


def _expected(error: Any) -> str:
    """What could have stood at the place of an error, in words."""
    accepts: set[str] = getattr(error, "accepts", None) or getattr(error, "allowed", None) or set()
    words = [_WORDS.get(name, f"'{name.lower()}'") for name in sorted(accepts)]
    words = list(dict.fromkeys(words))
    if not words or len(words) > _MAX_NAMED:
        return "something else"
    return " or ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} or {words[-1]}"
