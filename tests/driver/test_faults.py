"""A fault of the program itself reaches the user as a diagnostic."""

from __future__ import annotations

import pytest

from transpiler.diagnostics import CompileError, Sink
from transpiler.driver.faults import contained
from transpiler.driver.options import UsageError
from transpiler.ir.verifier import InvalidGraph


@pytest.mark.parametrize(
    "fault", [InvalidGraph("after x: broken"), RecursionError("deep"), MemoryError(), KeyError("a")]
)
def test_a_fault_becomes_a_diagnostic(fault: Exception) -> None:
    sink = Sink()
    sink.warning("T0007", "said before")
    with pytest.raises(CompileError) as caught, contained(sink):
        raise fault
    assert [one.code for one in caught.value.diagnostics] == ["T0007", "T9001"]
    assert type(fault).__name__ in caught.value.diagnostics[1].message


def test_debugging_lets_it_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSPILER_DEBUG", "1")
    with pytest.raises(KeyError), contained(Sink()):
        raise KeyError("a")


@pytest.mark.parametrize("error", [CompileError([]), UsageError("no such target"), KeyboardInterrupt()])
def test_what_is_no_fault_passes(error: BaseException) -> None:
    with pytest.raises(type(error)), contained(Sink()):
        raise error
