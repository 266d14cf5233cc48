"""Stages that remember: the same result and the same words, never another text's, and never more than is allowed."""

from __future__ import annotations

import pytest

import transpiler
from transpiler.diagnostics import CompileError, Sink, Source
from transpiler.driver.caching import Memo
from transpiler.parsers.textproto import parse_source
from transpiler.syntax.textproto import Message


class Work:
    """Counts how often it is done, and says something each time."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self, sink: Sink) -> int:
        self.done += 1
        sink.warning("T1001", f"run {self.done}")
        return self.done


def test_the_same_question_is_answered_once_and_reported_each_time() -> None:
    memo, work, first, second = Memo[int](), Work(), Sink(), Sink()
    assert memo.recall("text", ("a",), first, work) == memo.recall("text", ("a",), second, work) == 1
    assert first.diagnostics == second.diagnostics != []


@pytest.mark.parametrize(("text", "others"), [("texT", ("a",)), ("text", ("b",))], ids=["text", "others"])
def test_another_question_is_another_result(text: str, others: tuple[str, ...]) -> None:
    memo, work = Memo[int](), Work()
    memo.recall("text", ("a",), Sink(), work)
    assert memo.recall(text, others, Sink(), work) == 2


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    memo, work = Memo[int](most=2), Work()
    for text in ("a", "b", "a", "c"):
        memo.recall(text, (), Sink(), work)
    assert memo.size == 2
    assert memo.recall("a", (), Sink(), work) == 1
    assert memo.recall("b", (), Sink(), work) == 4


def test_a_text_that_is_too_large_is_not_kept() -> None:
    memo, work = Memo[int](most=3), Work()
    assert [memo.recall("long", (), Sink(), work) for _ in range(2)] == [1, 2]
    assert memo.size == 0


def test_what_raises_is_not_kept() -> None:
    memo, work = Memo[int](), Work()

    def failing(sink: Sink) -> int:
        work(sink)
        raise CompileError(sink.diagnostics)

    for _ in range(2):
        with pytest.raises(CompileError):
            memo.recall("text", (), Sink(), failing)
    assert work.done == 2


def test_a_parsed_file_is_shared_with_its_errors() -> None:
    memo = Memo[Message]()
    source = Source("net.prototxt", 'name: "a" layer { name: }')
    sinks = [Sink(), Sink()]
    trees = [
        memo.recall(source.text, source.name, sink, lambda own: parse_source(source, own)) for sink in sinks
    ]
    assert trees[0] is trees[1]
    assert sinks[0].error_count == sinks[1].error_count == 1


def test_clearing_forgets() -> None:
    memo, work = Memo[int](), Work()
    memo.recall("text", (), Sink(), work)
    memo.clear()
    assert memo.recall("text", (), Sink(), work) == 2


NET = """name: "n" input: "x" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 4 kernel_size: 3 typo: 1 } }
"""


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are parsed."""
    from transpiler.parsers import textproto

    parsed, real = [], textproto.parse_source

    def parse(source: Source, sink: Sink) -> Message:
        parsed.append(source.text)
        return real(source, sink)

    monkeypatch.setattr(textproto, "parse_source", parse)
    transpiler.forget()
    return parsed


def test_a_text_is_read_once_for_all_that_is_asked_about_it(parses: list[str]) -> None:
    first = transpiler.convert(Source("n.prototxt", NET), to="keras")
    transpiler.inspect(Source("n.prototxt", NET))
    again = transpiler.convert(Source("n.prototxt", NET), to="keras")
    assert len(parses) == 1
    assert again.text == first.text
    assert [one.message for one in again.diagnostics] == [one.message for one in first.diagnostics] != []


def test_an_edited_text_is_another(parses: list[str]) -> None:
    texts = [NET, NET.replace("num_output: 4", "num_output: 5"), NET]
    sizes = [
        transpiler.read(Source("n.prototxt", text)).graph("TEST").outputs[0].type.shape for text in texts
    ]
    assert sizes == [(1, 4, 6, 6), (1, 5, 6, 6), (1, 4, 6, 6)]
    assert parses == texts[:2]


def test_another_wish_is_another_reading(parses: list[str]) -> None:
    for shapes in (None, {"x": (2, 3, 8, 8)}):
        transpiler.read(Source("n.prototxt", NET), input_shapes=shapes)
    assert len(parses) == 2


def test_what_is_forgotten_is_read_again(parses: list[str]) -> None:
    for _ in range(2):
        transpiler.inspect(Source("n.prototxt", NET))
        transpiler.forget()
    assert len(parses) == 2
