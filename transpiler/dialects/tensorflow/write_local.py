"""Convolutions whose kernel differs at every position, in TensorFlow's ops: every window laid out, then a product."""

from __future__ import annotations

import math

from transpiler.dialects.tensorflow.write_learned import reshaped
from transpiler.dialects.tensorflow.write_steps import Refused, Result, Steps, ints, scalar
from transpiler.dialects.tensorflow.write_windows import padding_name, per_axis
from transpiler.ops.convolution import LocallyConnected
from transpiler.ops.spatial import DataFormat


def locally_connected(op: LocallyConnected, s: Steps) -> Result:
    """Kernel: positions, space, channels, filters. Windows are laid out as space, channels."""
    if op.rank > 2:
        raise Refused("TensorFlow lays out windows of pictures alone")
    first = op.data_format is DataFormat.CHANNELS_FIRST
    rank, last = op.rank, DataFormat.CHANNELS_LAST
    x = s.op("Transpose", s.x, ints("perm", (0, *range(2, rank + 2), 1))) if first else s.x
    if rank == 1:
        x = s.op("ExpandDims", x, scalar("dim", 1))
    windows = s.op(
        "ExtractImagePatches",
        x,
        ksizes=per_axis(op.kernel, last),
        strides=per_axis(op.strides, last),
        rates=per_axis(op.dilations, last),
        padding=padding_name(op.padding),
    )
    if rank == 1:
        windows = s.op("Squeeze", windows, squeeze_dims=(1,))
    axes = (*range(rank), *range(rank + 2, 2 * rank + 2), rank + 1, rank)
    kernel = s.param("kernel", axes)
    places = s.result_shape()[2:] if first else s.result_shape()[1:-1]
    inner = s.size(1 if first else rank + 1) * math.prod(op.kernel)
    flat = reshaped(s, kernel, [*(size or 0 for size in places), inner, op.filters], "kernel/Reshape")
    y = s.op("Einsum", windows, flat, equation="ahi,hio->aho" if rank == 1 else "ahwi,hwio->ahwo")
    if op.bias:
        y = s.op("AddV2", y, s.param("bias"), name="add")
    return s.op("Transpose", y, ints("perm", (0, rank + 1, *range(1, rank + 1)))) if first else y
