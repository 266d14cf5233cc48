"""What a conversion to another framework does not carry over: native fields that no op models.

They are about training (fillers, learning rates, regularizers, constraints) or the preparation of data: what changes
the numbers that a layer gives is a field of an op, or keeps the layer from being converted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from transpiler.diagnostics import Sink
from transpiler.ir import Module, Node
from transpiler.ir.attributes import Attr

_BOOKKEEPING: Final = frozenset({"index", "name", "implicit", "include", "exclude"})
"""Fields about a layer's place in its file, not about what it does."""
_FAMILIES: Final = {"keras2": "keras"}
_MOST_NAMED: Final = 12


def note_losses(module: Module, target: str, sink: Sink) -> None:
    """Add one note that names each field left behind and how many layers have it, at the first such layer."""
    source = module.framework
    if target == "ir" or source == _FAMILIES.get(target, target):
        return
    layers: dict[str, dict[str, Node]] = {}
    for graph in module.graphs.values():
        for node in graph.nodes:
            for field in _fields(node.native(source)):
                layers.setdefault(field, {}).setdefault(node.origin.layer, node)
    if not layers:
        return
    named = [
        f"{field} ({len(of)} layer{'' if len(of) == 1 else 's'})"
        for field, of in list(layers.items())[:_MOST_NAMED]
    ]
    more = ", …" if len(layers) > _MOST_NAMED else ""
    first = next(iter(next(iter(layers.values())).values()))
    text = (
        f"some fields of {source} have no counterpart in {target} and are left out: {', '.join(named)}{more}"
    )
    sink.note(
        "T6001",
        text,
        first.span,
        notes=("They are about training or the preparation of data, not about what the layers compute.",),
    )


def note_numbers(source: Module, written: Module, target: str, sink: Sink) -> None:
    """Warn of arrays whose numbers lie in the source, but not those of all others, so that none can be carried."""
    held = {
        use.symbol: node
        for graph in written.graphs.values()
        for node in graph.nodes
        for use in node.params
        if use.symbol in source.constants
    }
    if target == "ir" or not held:
        return
    names = ", ".join(list(held)[:_MOST_NAMED]) + (", …" if len(held) > _MOST_NAMED else "")
    text = f"the file holds numbers of some arrays, but not of all, and they are left out: {names}"
    help = "give the others with --weights (a checkpoint of the graph), and write a form that holds weights"
    sink.warning("T6104", text, next(iter(held.values())).span, help=help)


def _fields(kept: Mapping[str, Attr]) -> Iterator[str]:
    """The names of fields, those inside a message with the message's name before them."""
    for name, value in kept.items():
        if name in _BOOKKEEPING:
            continue
        messages = [value] if name.endswith("_param") else value if name == "param" else []
        inner = [key for message in _mappings(messages) for key in message if key != "name"]
        if inner:
            yield from (f"{name}.{key}" for key in inner)
        elif name != "param":
            yield name


def _mappings(values: Attr) -> Iterator[Mapping[str, Attr]]:
    if isinstance(values, (list, tuple)):
        yield from (value for value in values if isinstance(value, Mapping))
