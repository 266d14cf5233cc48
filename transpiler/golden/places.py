"""Where in a layer's text a field stands, so that a change can be shown at its very line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from transpiler.diagnostics import Span
from transpiler.driver.frameworks import dialect_of
from transpiler.ir import Node


def native_names(framework: str, node: Node, field: str) -> tuple[str, ...]:
    """What a framework calls a field of a node's layer, where it calls it by one name."""
    dialect = dialect_of(framework)
    if dialect is None:
        return ()
    rows = [row for row in dialect.rows if row.native == node.origin.type and row.op is type(node.op)]
    return tuple(dict.fromkeys(link.native for row in rows for link in row.links if link.field == field))


def place_of(layer: Span | None, words: Iterable[str]) -> Span | None:
    """The first field in a layer's text whose name begins with one of the words, tried in order; else the layer.

    Frameworks call fields differently (`strides`, `stride`, `stride_h`), so the plural's end does not count.
    """
    if layer is None:
        return None
    for word in words:
        stem = re.escape(word.removesuffix("s"))
        found = re.search(rf"(?<![\w]){stem}\w*[\"']?\s*[:{{]", layer.text)
        if found:
            start = layer.start + found.start()
            return Span(layer.source, start, start + len(found[0].rstrip(" :{\"'\n\r\t")))
    return layer
