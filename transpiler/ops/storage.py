"""Ops that write tensors away while a network runs."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, op
from transpiler.ir.types import TensorType
from transpiler.ops import fields as f


@op("store", "Data")
class Store(Op):
    """Writes its operands to a file and gives nothing (Caffe's HDF5Output)."""

    arity = Arity(1, None)
    file: str = f.text("the file's path", "")

    @property
    def result_count(self) -> int:
        return 0

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return ()
