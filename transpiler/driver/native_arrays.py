"""Learned arrays in the framework's own words: which a node has, and their shapes in native axis order."""

from __future__ import annotations

import math
from collections.abc import Mapping

from transpiler.dialects.rows import Array, Dialect, Refusal
from transpiler.driver.frameworks import dialect_of
from transpiler.ir import Node, ParamSpec, Shape, ShapeError
from transpiler.ir.inference import infer_params, types_of


def native_arrays(node: Node, framework: str) -> dict[str, Shape]:
    """Role -> shape in the framework's axis order, in the framework's order of the arrays; canonical if it has none."""
    specs = param_specs(node)
    if not specs:
        return {}
    if framework == "caffe":
        from transpiler.dialects.caffe.dialect import native_parameters

        found = native_parameters(node)
    elif framework == "tensorflow":
        found = _stored(node)
    else:
        found = _spelled(node, dialect_of(framework), specs)
    return found if set(found) == set(specs) else {role: spec.shape for role, spec in specs.items()}


def _stored(node: Node) -> dict[str, Shape]:
    """The arrays of a node as TensorFlow's variables hold them; none where it has no form for the node."""
    from transpiler.dialects.tensorflow.write_rows import template_of

    made = template_of(node)
    return {} if isinstance(made, Refusal) else {array.role: made.shapes[array.role] for array in made.arrays}


def param_specs(node: Node) -> Mapping[str, ParamSpec]:
    """Role -> canonical array of a shaped node; none where its operands make no sense."""
    try:
        return infer_params(node.op, types_of(node.operands))
    except ShapeError:
        return {}


def _spelled(node: Node, dialect: Dialect | None, specs: Mapping[str, ParamSpec]) -> dict[str, Shape]:
    """The arrays of the row that spells the node; none where no row does."""
    spelled = dialect.spell(node) if dialect is not None else None
    if spelled is None or isinstance(spelled, Refusal):
        return {}
    row, native = spelled
    arrays = row.arrays(node.op, native.config)
    return {
        array.role: native_shape(array, specs[array.role].shape) for array in arrays if array.role in specs
    }


def native_shape(array: Array, canonical: Shape) -> Shape:
    """The native shape of an array whose canonical shape is given."""
    shape = canonical if array.shape is None else _viewed(canonical, array.shape)
    return shape if array.axes is None else tuple(shape[axis] for axis in array.axes)


def _viewed(shape: Shape, target: tuple[int, ...]) -> Shape:
    if -1 not in target:
        return target
    known = math.prod(size for size in target if size != -1)
    sizes = [size for size in shape if size is not None]
    rest = math.prod(sizes) // known if len(sizes) == len(shape) else None
    return tuple(rest if size == -1 else size for size in target)
