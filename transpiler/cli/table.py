"""A model's description as a table for people."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from transpiler.driver.description import Description, LayerDescription, ValueDescription
from transpiler.ir import Shape

if TYPE_CHECKING:
    from rich.table import Table

_MIN_WIDTH = 60
_INDENT = "  "


def render_table(description: Description, width: int | None = None) -> str:
    """Layers one a row with type, output shapes and parameters, and the totals; as wide as the terminal by default."""
    from rich.console import Console

    page = io.StringIO()
    columns = width or max(shutil.get_terminal_size((110, 24)).columns, _MIN_WIDTH)
    console = Console(file=page, width=columns, color_system=None, markup=False, highlight=False, emoji=False)
    phase = f", phase {description.phase}" if description.phase else ""
    console.print(f"{description.name or 'unnamed'} ({description.framework}{phase})")
    console.print(_table(description))
    for label, values in (("inputs", description.inputs), ("outputs", description.outputs)):
        console.print(f"{label}: {', '.join(f'{v.name} {_shape(v.shape)}' for v in values) or 'none'}")
    trainable = _count(description.trainable_param_count)
    console.print(f"parameters: {_count(description.param_count)}, trainable {trainable}")
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"


def _table(description: Description) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("line", "layer", "type", "inputs", "output shape", "parameters"):
        table.add_column(
            heading, overflow="fold", justify="right" if heading in ("line", "parameters") else "left"
        )
    for depth, layer in _walk(description.layers, 0):
        table.add_row(
            "" if layer.line is None else str(layer.line),
            _INDENT * depth + layer.name,
            layer.native_type,
            ", ".join(layer.inputs),
            "\n".join(_output(layer, value) for value in layer.outputs if not value.is_copy),
            _count(layer.param_count),
        )
    return table


def _walk(layers: tuple[LayerDescription, ...], depth: int) -> Iterator[tuple[int, LayerDescription]]:
    for layer in layers:
        yield depth, layer
        yield from _walk(layer.layers or (), depth + 1)


def _output(layer: LayerDescription, value: ValueDescription) -> str:
    """The shape, with the value's name where that is not the layer's."""
    return _shape(value.shape) if value.name == layer.name else f"{_shape(value.shape)} {value.name}"


def _shape(shape: Shape | None) -> str:
    return "?" if shape is None else f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _count(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
