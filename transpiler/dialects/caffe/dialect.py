"""Caffe's dialect: all rows, and what a spelling needs beyond them (extras, arrays in native order)."""

from __future__ import annotations

from collections.abc import Mapping

from transpiler.dialects.caffe import (
    rows_activation,
    rows_common,
    rows_data,
    rows_forks,
    rows_loss,
    rows_recurrent,
    rows_vision,
)
from transpiler.dialects.caffe.fields import from_caffe
from transpiler.dialects.caffe.parameters import OWN_PARAMETERS
from transpiler.dialects.rows import Array, Dialect, FieldError, Native, Refusal, Row, Spelling
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ir.inference import infer_params, types_of
from transpiler.ir.types import Shape
from transpiler.ops.core import Opaque


class CaffeDialect(Dialect, frozen=True, eq=False, dict=True):
    """Rows are tried in order, except that a layer read from Caffe first tries the type it had there."""

    def read(self, native: Native) -> tuple[Row, Op]:
        """The op of a layer and the row that read it. Raises FieldError, or KeyError where no row fits."""
        problem: FieldError | None = None
        for row in self._by_native.get(native.type, ()):
            if not row.matches(native):
                continue
            try:
                return row, row.read(native)
            except FieldError as error:
                problem = problem or error
        raise problem if problem is not None else KeyError(native.type)

    def _spell(self, node: Node) -> Spelling:
        """The spelling of a node, or the most telling refusal."""
        if isinstance(node.op, Opaque):
            return _spell_opaque(node, node.op)
        rows = list(self.writers(type(node.op)))
        if from_caffe(node):
            rows.sort(key=lambda row: row.native != node.origin.type)
        refusals = []
        for row in rows:
            native = row.write(node)
            if isinstance(native, Native):
                return row, native
            refusals.append(native)
        telling = [refusal for refusal in refusals if not refusal.reason.startswith("BVLC Caffe has no")]
        return next(iter([*telling, *refusals]), Refusal(f"BVLC Caffe has no layer for {node.op.name}"))


def _spell_opaque(node: Node, op: Opaque) -> Spelling:
    if op.framework != CAFFE.name:
        return Refusal(f"{op.type} is a layer of {op.framework} that this program does not know")
    native = Native(op.type, op.attributes, len(node.operands), op.results)
    return Row(op.type, Opaque), native


CAFFE = CaffeDialect.of(
    "caffe",
    (
        *rows_data.ROWS,
        *rows_vision.ROWS,
        *rows_common.ROWS,
        *rows_activation.ROWS,
        *rows_recurrent.ROWS,
        *rows_loss.ROWS,
        *rows_forks.ROWS,
    ),
)
"""Every layer type of BVLC Caffe 1.0, and those of forks that have an op."""


def native_arrays(node: Node) -> tuple[Array, ...]:
    """A node's learned arrays in Caffe's order. Empty where Caffe has no form for the node.

    BatchNorm's third blob, a number that Caffe divides the other two by, is no array of the network and not listed.
    """
    spelled = CAFFE.spell(node) if node.op.roles else Refusal("no arrays")
    return () if isinstance(spelled, Refusal) else spelled_arrays(node, *spelled)


def spelled_arrays(node: Node, row: Row, native: Native) -> tuple[Array, ...]:
    """As `native_arrays`, for a node whose spelling is known."""
    return row.arrays(node.op, {**rows_data.written_config(node), **native.config})


def native_shape(array: Array, canonical: Shape) -> Shape:
    """The shape of a learned array as Caffe stores it, from its canonical shape."""
    shape = canonical
    if array.shape is not None:
        known = [size for size in array.shape if size != -1]
        rest = _count(canonical, _count(tuple(known), 1))
        shape = tuple(rest if size == -1 else size for size in array.shape)
    return shape if array.axes is None else tuple(shape[axis] for axis in array.axes)


def _count(shape: Shape, divisor: int | None) -> int | None:
    total = 1
    for size in shape:
        if size is None:
            return None
        total *= size
    return None if divisor is None else total // divisor


def native_parameters(node: Node) -> dict[str, Shape]:
    """Role -> shape of every learned array as Caffe stores it, in Caffe's order. Raises ShapeError as `params` does."""
    specs = infer_params(node.op, types_of(node.operands))
    return {array.role: native_shape(array, specs[array.role].shape) for array in native_arrays(node)}


def split_config(layer_type: str, fields: Mapping[str, Attr]) -> dict[str, Attr]:
    """A layer's fields laid out as rows see them: its own parameter message flat, all other messages nested."""
    own = OWN_PARAMETERS.get(layer_type, "")
    message = fields.get(own, {})
    nested = {name: value for name, value in fields.items() if name.endswith("_param") and name != own}
    return {**nested, **(dict(message) if isinstance(message, Mapping) else {})}
