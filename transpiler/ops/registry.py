"""The op registry: every operation the compiler understands, one class each.

It loads all of them. Whoever needs some ops imports their modules.
"""

from __future__ import annotations

from transpiler.ir.op import Op
from transpiler.ops import (
    activation,
    array,
    attention,
    caffe_recurrent,
    convolution,
    core,
    dense,
    detection,
    einsum,
    elementwise,
    functional,
    loss,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    recurrent_stack,
    reduction,
    regularization,
    resampling,
    retired,
    shape,
    storage,
    wrappers,
)

FAMILIES = (
    core,
    convolution,
    pooling,
    dense,
    activation,
    normalization,
    elementwise,
    shape,
    reduction,
    regularization,
    array,
    einsum,
    attention,
    recurrent,
    recurrent_stack,
    wrappers,
    preprocessing,
    caffe_recurrent,
    retired,
    resampling,
    detection,
    storage,
    loss,
    functional,
)
"""The modules that declare ops, in the order of the reference."""


def _declared() -> dict[str, type[Op]]:
    found: dict[str, type[Op]] = {}
    for family in FAMILIES:
        declared = (item for item in vars(family).values() if isinstance(item, type) and issubclass(item, Op))
        for item in declared:
            if "name" in vars(item) and item.__module__ == family.__name__:
                found[item.name] = item
    return found


OPS: dict[str, type[Op]] = _declared()
"""Every op by its name in the text form."""
