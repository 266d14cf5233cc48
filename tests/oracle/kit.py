"""The kit of small nets that a real Caffe computed: text, inputs, weights, outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from transpiler.dialects.caffe.dialect import native_arrays
from transpiler.ir import Graph
from transpiler.ops.normalization import BatchNorm
from transpiler.weights.relayout import from_native

KIT = Path(__file__).resolve().parents[1] / "data" / "oracle" / "caffe_layers"
NAMES = sorted(path.stem for path in KIT.glob("*.prototxt"))
Numbers = NDArray[Any]


class Case(msgspec.Struct, frozen=True):
    """One net and what Caffe computed: arrays by `in/BLOB`, `w/LAYER/INDEX`, `out/BLOB`, `shape/BLOB`."""

    name: str
    arrays: Mapping[str, Numbers]

    @property
    def path(self) -> Path:
        return KIT / f"{self.name}.prototxt"

    def part(self, prefix: str) -> dict[str, Numbers]:
        """The arrays of one kind, by what follows the prefix."""
        return {key[len(prefix) :]: value for key, value in self.arrays.items() if key.startswith(prefix)}

    def canonical(self, graph: Graph) -> dict[str, Numbers]:
        """Every learned array by its symbol, in canonical order. Shared arrays hold what was written last."""
        found = {}
        for node in graph.nodes:
            if not node.op.roles:
                continue
            specs = node.op.params([value.type for value in node.operands])
            for index, spelled in enumerate(native_arrays(node)):
                array = self.arrays[f"w/{node.origin.layer}/{index}"]
                if isinstance(node.op, BatchNorm):  # Caffe stores sums, and how many there are of them
                    factor = float(self.arrays[f"w/{node.origin.layer}/2"][0])
                    array = array / factor if factor else array * 0
                shape = [size or 0 for size in specs[spelled.role].shape]
                found[node.param(spelled.role).symbol] = from_native(array, spelled, shape)
        return found


def case(name: str) -> Case:
    with np.load(KIT / f"{name}.npz") as stored:
        return Case(name, {key: stored[key] for key in stored.files})


def source_orders(rank: int) -> list[tuple[int, ...]]:
    """The orders in which a converted tensor may hold the source's axes: as they were, or channels last."""
    plain = tuple(range(rank))
    return [plain, (0, rank - 1, *range(1, rank - 1))] if rank > 2 else [plain]


def difference(found: Numbers, recorded: Numbers) -> float:
    """max |found - recorded| / max |recorded|, over the orders in which the axes may lie; inf when no shape fits."""
    best = float("inf")
    for order in source_orders(found.ndim):
        moved = np.asarray(found, np.float64).transpose(order)
        if moved.size != recorded.size and recorded.ndim == 1:  # long blobs are recorded thinned
            moved = moved.reshape(-1)[:: moved.size // recorded.size][: recorded.size]
        if moved.shape == recorded.shape:
            scale = max(float(np.abs(recorded).max(initial=0)), 1e-6)
            best = min(best, float(np.abs(moved - recorded).max(initial=0)) / scale)
    return best
