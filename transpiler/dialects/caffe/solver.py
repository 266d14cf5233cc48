"""Recognizing a solver file, which says how to train a net that stands elsewhere."""

from __future__ import annotations

from transpiler.diagnostics import Sink
from transpiler.dialects.caffe.schema import NET, SOLVER
from transpiler.syntax.textproto import Field, Message, Scalar

__all__ = ["is_solver", "report_solver"]

_SOLVER_ONLY = frozenset(SOLVER.field_names) - frozenset(NET.field_names)
_NET_CONTENT = frozenset({"layer", "layers", "input"})
_NET_FILES = ("net", "train_net", "test_net")
_INLINE_NETS = ("net_param", "train_net_param", "test_net_param")


def is_solver(message: Message) -> bool:
    """Whether a file holds settings of a solver and nothing of a net."""
    names = {field.name for field in message.fields}
    return not names & _NET_CONTENT and bool(names & _SOLVER_ONLY)


def report_solver(message: Message, sink: Sink) -> None:
    """Report that the file is a solver, and where the net is that it trains."""
    named = [field for name in _NET_FILES for field in message.all(name)]
    inline = [field for name in _INLINE_NETS for field in message.all(name)]
    names = list(dict.fromkeys(str(field.value.value) for field in named if isinstance(field.value, Scalar)))
    place = next((field.span for field in (*named, *inline)), None) or message.fields[0].span
    sink.error(
        "T1010",
        "this is a solver, which says how to train a network, not the network itself",
        place,
        notes=tuple(f"The network stands inline in `{field.name}`{_line(field)}." for field in inline),
        help=_help(names, inline),
    )


def _help(names: list[str], inline: list[Field]) -> str | None:
    if names:
        return "the network is in " + " and ".join(f"`{name}`" for name in names)
    if inline:
        return f"put what stands inside `{inline[0].name} {{ ... }}` into a file of its own"
    return None


def _line(field: Field) -> str:
    return f" (line {field.span.line})" if field.span is not None else ""
