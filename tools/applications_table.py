"""Bring the table in docs/applications.md up to date: `python -m tools.applications_table [--missing] [NETWORK …]`.

Each network of `keras.applications` is built by Keras itself, without pretrained weights, and saved as JSON. The JSON
is converted to every target with seeded weights, both sides are run in their real frameworks, and every tensor is
compared. A cell is the largest relative difference of any tensor, or `refused` and why there is no exact form.

Every network runs in a process of its own, one after the other: hours of two cores, and up to 8 GB of memory. Its row
is written as soon as it is measured. With names, only those rows are measured; with `--missing`, only those that are
not there or faulty.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tools.measured import Cell, Table, run
from tools.table1 import preload, verified
from transpiler.diagnostics import Source
from transpiler.driver.options import Options

TARGETS: Final = {"keras2": "Keras 2", "tensorflow": "TensorFlow", "caffe": "Caffe"}
TABLE: Final = Table(
    Path(__file__).resolve().parents[1] / "docs" / "applications.md",
    "<!-- applications: made by tools/applications_table.py -->",
    "<!-- /applications -->",
    ("network", "input", "parameters", *TARGETS.values()),
)
OPEN: Final = 224
"""The size of pictures for networks that take any."""
REDUCED: Final = (
    *(f"EfficientNetB{i}" for i in range(4, 8)),
    *(f"EfficientNetV2{size}" for size in "SML"),
)
"""Networks for pictures of 380 x 380 and more, whose arrays do not depend on it: they are built for smaller ones."""
EXACT: Final = ("keras2", "tensorflow")
"""The targets of which a refusal is a fault. Caffe lacks layers."""
_LAYER: Final = re.compile(r"layer \S+: ")


def applications() -> dict[str, Any]:
    """The functions that build the networks, by name."""
    import keras

    members = inspect.getmembers(keras.applications, inspect.isfunction)
    return {name: make for name, make in members if name[0].isupper()}


def cells(name: str) -> Iterator[Cell]:
    """One network: its size, and its conversions."""
    smaller = {"input_shape": (OPEN, OPEN, 3)} if name in REDUCED else {}
    model = applications()[name](weights=None, **smaller)
    shape = tuple(size or OPEN for size in model.input_shape[1:])
    # One picture: tensors of the largest networks take gigabytes for each.
    options = Options(source_format="keras", input_shapes={model.layers[0].name: (1, *shape)})
    yield Cell(" x ".join(map(str, shape)))
    yield Cell(f"{model.count_params():,}")
    text = model.to_json()
    del model
    for target, cell in zip(
        TARGETS, verified(Source(f"<{name}>", text), list(TARGETS), options), strict=True
    ):
        yield _reasoned(cell, target)


def _reasoned(cell: Cell, target: str) -> Cell:
    """A refusal without the layer's name, so that one reason is one note; one to be expected is no fault."""
    if cell.text != "**refused**":
        return cell
    text = cell.text if target in EXACT else cell.text.strip("*")
    return msgspec.structs.replace(cell, text=text, note=_LAYER.sub("", cell.note, count=1))


def main(arguments: Sequence[str]) -> None:
    preload()
    run(TABLE, applications(), arguments, cells)


if __name__ == "__main__":
    main(sys.argv[1:])
