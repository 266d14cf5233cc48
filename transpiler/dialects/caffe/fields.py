"""Codecs of Caffe's fields: windows written in four ways, numbers that lean on a rank, rows of forks.

A row's `config` holds the fields of the layer's own parameter message (`convolution_param` of a Convolution) by their
bare names, and every other parameter message (`transform_param`, `loss_param`) under its name. One key is no field of
Caffe: `rank`, the number of axes of the first bottom, which decides how many spatial axes a lone `kernel_size` serves.
Lowering adds it where it is known; absent means 4. It is never written to a file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from transpiler.dialects.rows import FieldError, Link, Native, Refusal
from transpiler.ir import Node
from transpiler.ir.attributes import Attr
from transpiler.ir.op import REQUIRED
from transpiler.ops.windows import Explicit, Padding, Valid
from transpiler.syntax.symbol import Symbol

RANK = "rank"
IMAGE_RANK = 4
"""Batch, channels, height, width: what an unknown rank is taken for."""

CONVOLUTION_WINDOW = (
    "kernel_size", "kernel_h", "kernel_w", "stride", "stride_h", "stride_w", "pad", "pad_h", "pad_w",
    "dilation", "hole", "hole_h", "hole_w", "axis", RANK,
)  # fmt: skip
POOLING_WINDOW = (
    "kernel_size", "kernel_h", "kernel_w", "stride", "stride_h", "stride_w", "pad", "pad_h", "pad_w",
)  # fmt: skip


class NotModelled(FieldError):
    """The layer is legal Caffe, but no op says what it does: it is kept as an opaque layer."""


def check_filled_in(native: Native) -> None:
    """Raise NotModelled for `num_output: 0`, which templates of nets leave to be filled in."""
    if native.config.get("num_output") == 0:
        raise NotModelled("num_output", "num_output is 0, a number still to be filled in")


def needed(field: str, native: str) -> Link:
    """An op field whose native field a layer must have."""
    return Link(field, native, REQUIRED)


def rank_of(config: Mapping[str, Attr]) -> int:
    """The number of axes of the layer's first bottom, 4 where it is unknown."""
    rank = config.get(RANK)
    return rank if isinstance(rank, int) else IMAGE_RANK


def with_rank(rank: int) -> dict[str, Attr]:
    """The config entry of a rank; nothing for the usual one."""
    return {} if rank == IMAGE_RANK else {RANK: rank}


def listed(value: Any) -> list[int]:
    """A repeated field's values, also where a fork's schema knows it as a single one."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def spatial_values(
    config: Mapping[str, Attr], name: str, spatial: int, default: int, *, paired: str | None = None
) -> tuple[int, ...]:
    """One number a spatial axis from `name`, repeated 0, 1 or `spatial` times, or from `paired`_h and `paired`_w.

    Raises FieldError when neither fits the number of spatial axes.
    """
    prefix = paired or name
    high, wide = config.get(f"{prefix}_h"), config.get(f"{prefix}_w")
    written = listed(config.get(name, []))
    if high is not None or wide is not None:
        if spatial != 2:
            raise FieldError(
                f"{prefix}_h", f"{prefix}_h and {prefix}_w are for 2 spatial axes, not {spatial}"
            )
        if written and name != "pad":
            raise FieldError(name, f"either {name} or {prefix}_h and {prefix}_w may be written, not both")
        return (_whole(high, default), _whole(wide, default))
    if len(written) not in (0, 1, spatial):
        raise FieldError(
            name, f"{len(written)} numbers do not fit {spatial} spatial axes: give one, or one for each"
        )
    values = written or [default]
    return tuple(values) if len(values) == spatial else (values[0],) * spatial


def _whole(value: Any, default: int) -> int:
    return default if value is None else value


def spatial_axes(config: Mapping[str, Attr]) -> int:
    """How many axes a convolution's window has: as its longest list says, else all behind batch and channels."""
    most = max(len(listed(config.get(name, []))) for name in ("kernel_size", "stride", "pad", "dilation"))
    if most > 1:
        return most
    if any(f"kernel_{side}" in config for side in "hw"):
        return 2
    return max(rank_of(config) - 2, 1)


def check_axis(config: Mapping[str, Attr], spatial: int) -> None:
    """Raise NotModelled unless a convolution's channels are axis 1."""
    axis = config.get("axis", 1)
    if axis not in (1, -(spatial + 1)):
        raise NotModelled("axis", f"channels on axis {axis} are not modelled, only on axis 1")


def convolution_window(native: Native) -> dict[str, Any]:
    """The window fields of an op from those of `convolution_param`."""
    config = native.config
    spatial = spatial_axes(config)
    check_axis(config, spatial)
    kernel = spatial_values(config, "kernel_size", spatial, 0, paired="kernel")
    if not all(kernel):
        raise FieldError("", "the kernel size is missing or 0")
    dilation = "dilation" if "dilation" in config else "hole"
    return {
        "kernel": kernel,
        "strides": spatial_values(config, "stride", spatial, 1),
        "padding": padding_of(spatial_values(config, "pad", spatial, 0)),
        "dilations": spatial_values(config, dilation, spatial, 1),
    }


def padding_of(pads: Sequence[int]) -> Padding:
    """Symmetric padding; none at all is `Valid`, the one spelling of no padding."""
    return Explicit(tuple((pad, pad) for pad in pads)) if any(pads) else Valid()


def symmetric_pads(padding: Padding, rank: int) -> tuple[int, ...] | Refusal:
    """The pads that Caffe writes, one an axis, or why it cannot."""
    match padding:
        case Valid():
            return (0,) * rank
        case Explicit(pads) if all(before == after for before, after in pads):
            return tuple(before for before, _ in pads)
        case Explicit(pads):
            return Refusal(
                f"Caffe pads both ends of an axis alike, not {[list(pair) for pair in pads]}",
                "pad symmetrically and crop, or choose sizes for which both ends agree",
            )
        case _:
            return Refusal("SAME padding depends on the input size", "give the input shape")


def put_window(op: Any, *, repeated: bool) -> dict[str, Attr] | Refusal:
    """The native window fields of an op; `repeated` where the message has repeated fields (convolution_param)."""
    pads = symmetric_pads(op.padding, op.rank)
    if isinstance(pads, Refusal):
        return pads
    rows = (
        ("kernel", op.kernel, None),
        ("stride", op.strides, 1),
        ("pad", pads, 0),
        ("dilation", op.dilations, 1),
    )
    config: dict[str, Attr] = {}
    for name, values, default in rows:
        config.update(_window_field(name, values, default, repeated))
    return config


def _window_field(name: str, values: tuple[int, ...], default: int | None, repeated: bool) -> dict[str, Attr]:
    lone = f"{name}_size" if name == "kernel" else name
    if all(value == default for value in values):
        return {}
    if len(set(values)) == 1:
        return {lone: [values[0]] if repeated else values[0]}
    if len(values) == 2 and name != "dilation":
        return {f"{name}_h": values[0], f"{name}_w": values[1]}
    return {lone: list(values)}


def put_convolution_window(node: Node) -> dict[str, Attr] | Refusal:
    """The fields of `convolution_param` for an op's window."""
    op: Any = node.op
    config = put_window(op, repeated=True)
    return config if isinstance(config, Refusal) else {**config, **with_rank(op.rank + 2)}


def from_caffe(node: Node) -> bool:
    """Whether a node was read from a Caffe file."""
    return "caffe" in node.extras


def forks_only(native: str) -> Callable[[Node], Refusal | None]:
    """A guard: a fork's layer is written only where a file of that fork had it; BVLC Caffe does not know it."""

    def guard(node: Node) -> Refusal | None:
        if from_caffe(node) and node.origin.type == native:
            return None
        return Refusal(f"BVLC Caffe has no layer for {node.op.name}")

    return guard


def forks_value(node: Node) -> Refusal | None:
    """A guard: a fork's value of an enumeration is written only where the file had it."""
    return None if from_caffe(node) else Refusal(f"BVLC Caffe has no layer for {node.op.name}")


def default_axis(config: Mapping[str, Attr], old: str, default: int = 1) -> Any:
    """An axis under its own name or its deprecated one (`concat_dim`, `slice_dim`)."""
    return config.get("axis", config.get(old, default))


def put_axis(axis: int, default: int = 1) -> dict[str, Attr]:
    """The field `axis` unless it is the default."""
    return {} if axis == default else {"axis": axis}


def optional_base(value: Any) -> float | None:
    """The base of Exp and Log: -1 stands for e."""
    return None if value == -1 else value


def write_base(value: float | None) -> Attr:
    """The base of Exp and Log as written."""
    return -1.0 if value is None else value


def dims(message: Any) -> list[int]:
    """The numbers of a BlobShape."""
    return listed(message.get("dim", [])) if isinstance(message, Mapping) else []


def blob_shape(shape: Sequence[int | None]) -> Attr:
    """A BlobShape. An unknown dimension has no form in Caffe and raises ValueError."""
    if None in shape:
        raise ValueError("a shape with unknown dimensions has no form in Caffe")
    return {"dim": list(shape)}


@lru_cache(maxsize=4096)
def shortest(value: float) -> float:
    """The shortest decimal that is the same number in Caffe, which reads every number as float32."""
    single = _as_float32(value)
    if single is None:
        return value
    candidates = (float(f"{value:.{digits}g}") for digits in range(1, 10))
    return next((short for short in candidates if _as_float32(short) == single), value)


def _as_float32(value: float) -> float | None:
    """The nearest float32; None beyond the largest."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return None


def with_short_numbers(value: Attr) -> Attr:
    """Plain data with every float as short as Caffe's precision allows: 0.1 for 0.10000000149."""
    if isinstance(value, float):
        return shortest(value)
    if isinstance(value, Mapping):
        return {name: with_short_numbers(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_short_numbers(item) for item in value]
    return value


def symbol(name: str) -> Symbol:
    """An enum value."""
    return Symbol(name)
