"""Rows of Keras's convolutions: kernels are [spatial…, in, out], transposed ones [spatial…, out, in]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from transpiler.dialects.keras.spelling import (
    KerasRow,
    checked,
    data_format,
    padding_text,
    per_axis,
    required,
    required_link,
    write_padding,
)
from transpiler.dialects.rows import Array, Link, Native, Refusal, Row
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ops.convolution import (
    Conv,
    ConvTranspose,
    DepthwiseConv,
    LocallyConnected,
    SeparableConv,
    Windowed,
)
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Explicit, Padding, Same, Valid, extent

_ONE_AXIS: Final = 1


def window_links(rank: int) -> tuple[Link, ...]:
    """Kernel, strides and dilations."""
    ones = [1] * rank
    return (
        required_link("kernel", "kernel_size", per_axis(rank)),
        Link("strides", "strides", ones, per_axis(rank)),
        Link("dilations", "dilation_rate", ones, per_axis(rank)),
    )


def _read_padding(native: Native, rank: int) -> Padding:
    """`valid`, `same`, along one axis `causal`, and Theano's `full` and `half`."""
    value = native.config.get("padding", "valid")
    kernel = checked("kernel_size", per_axis(rank), required(native, "kernel_size"))
    dilations = checked("dilation_rate", per_axis(rank), native.config.get("dilation_rate", 1))
    spans = [extent(k, d) for k, d in zip(kernel, dilations, strict=True)]
    match value:
        case "valid":
            return Valid()
        case "same":
            return Same()
        case "causal" if rank == _ONE_AXIS:
            return _explicit([(span - 1, 0) for span in spans])
        case "full":
            return _explicit([(span - 1, span - 1) for span in spans])
        case "half":
            return _explicit([(span // 2, span // 2) for span in spans])
    raise ValueError(
        f"padding is {value!r}, which is not 'valid' or 'same'{' or causal' if rank == _ONE_AXIS else ''}"
    )


def _explicit(pads: list[tuple[int, int]]) -> Padding:
    return Explicit(tuple(pads)) if any(end for pair in pads for end in pair) else Valid()


def padding_reader(rank: int) -> Callable[[Native], Mapping[str, Any]]:
    """A row's `get` for padding."""

    def get(native: Native) -> Mapping[str, Any]:
        return {"padding": checked("padding", lambda _: _read_padding(native, rank), None)}

    return get


def _is_causal(op: Windowed) -> bool:
    if op.rank != _ONE_AXIS or op.data_format is not DataFormat.CHANNELS_LAST:
        return False
    return op.padding == Explicit(((extent(op.kernel[0], op.dilations[0]) - 1, 0),))


def padding_writer(causal: bool) -> Callable[[Node], Mapping[str, Attr] | Refusal]:
    """A row's `put` for padding; `causal`: the layer knows causal padding along one axis."""

    def put(node: Node) -> Mapping[str, Attr] | Refusal:
        assert isinstance(node.op, Windowed)
        word = "causal" if causal and _is_causal(node.op) else write_padding(node.op.padding)
        if word is None:
            return Refusal(
                f"Keras pads a convolution by 'same' or not at all, not {padding_text(node.op.padding)}",
                "a ZeroPadding layer before it pads by any amount",
            )
        return {} if word == "valid" else {"padding": word}

    return put


def rank_guard(rank: int, rows: Callable[[], Mapping[int, Row]]) -> Callable[[Node], Refusal | None]:
    """A guard that leaves other ranks to their own row, and gives that row's reason as its own."""

    def guard(node: Node) -> Refusal | None:
        assert isinstance(node.op, Windowed)
        if node.op.rank == rank:
            return _strided_and_dilated(node.op)
        other = rows().get(node.op.rank)
        if other is None:
            return Refusal(f"Keras has no {node.op.name} over {node.op.rank} spatial axes")
        made = other.write(node)
        return (
            made
            if isinstance(made, Refusal)
            else Refusal(f"{node.op.name} has {node.op.rank} spatial axes, not {rank}")
        )

    return guard


def _strided_and_dilated(op: Windowed) -> Refusal | None:
    if max(op.strides) > 1 and max(op.dilations) > 1 and not isinstance(op, ConvTranspose):
        return Refusal(
            f"Keras has no convolution with both strides {list(op.strides)} and dilations {list(op.dilations)}"
        )
    return None


def kernel_axes(rank: int) -> tuple[int, ...]:
    """[out, in, spatial…] as [spatial…, in, out]."""
    return (*range(2, rank + 2), 1, 0)


def _conv_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    assert isinstance(op, Windowed)
    return (Array("kernel", kernel_axes(op.rank)), *((Array("bias"),) if "bias" in op.roles else ()))


def _depthwise(role: str, kernel: tuple[int, ...], multiplier: int) -> Array:
    """[channels * multiplier, 1, spatial…] as [spatial…, channels, multiplier]."""
    return Array(role, (*range(2, len(kernel) + 2), 0, 1), (-1, multiplier, *kernel))


def _depthwise_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    assert isinstance(op, DepthwiseConv)
    return (_depthwise("kernel", op.kernel, op.multiplier), *((Array("bias"),) if op.bias else ()))


def _separable_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    assert isinstance(op, SeparableConv)
    pointwise = Array("pointwise_kernel", kernel_axes(op.rank))
    return (
        _depthwise("depthwise_kernel", op.kernel, op.multiplier),
        pointwise,
        *((Array("bias"),) if op.bias else ()),
    )


def _local_arrays(op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
    """[positions…, out, in, spatial…] as [positions…, spatial…, in, out], which Keras views with fewer axes."""
    assert isinstance(op, LocallyConnected)
    rank = op.rank
    axes = (*range(rank), *range(rank + 2, 2 * rank + 2), rank + 1, rank)
    return (Array("kernel", axes), *((Array("bias"),) if op.bias else ()))


def _transposed(native: Native, rank: int) -> Mapping[str, Any]:
    """Padding and output padding: Keras's `same` crops so that the output is input * stride (as TensorFlow does)."""
    kernel = checked("kernel_size", per_axis(rank), required(native, "kernel_size"))
    strides = checked("strides", per_axis(rank), native.config.get("strides", 1))
    dilations = checked("dilation_rate", per_axis(rank), native.config.get("dilation_rate", 1))
    spans = [extent(k, d) for k, d in zip(kernel, dilations, strict=True)]
    padding = native.config.get("padding", "valid")
    given = native.config.get("output_padding")
    if padding not in ("valid", "same"):
        raise ValueError(f"padding is {padding!r}, which is neither 'valid' nor 'same'")
    if given is None:
        short = [
            max(s - span, 0) if padding == "valid" else 0 for s, span in zip(strides, spans, strict=True)
        ]
        return {"padding": Valid() if padding == "valid" else Same(), "output_padding": tuple(short)}
    extra = checked("output_padding", per_axis(rank), given)
    if padding == "valid":
        return {"padding": Valid(), "output_padding": extra}
    totals = [2 * (span // 2) - more for span, more in zip(spans, extra, strict=True)]
    crops = [(max(total, 0) // 2, max(total, 0) - max(total, 0) // 2) for total in totals]
    return {"padding": _explicit(crops), "output_padding": tuple(max(-total, 0) for total in totals)}


def _transposed_reader(rank: int) -> Callable[[Native], Mapping[str, Any]]:
    def get(native: Native) -> Mapping[str, Any]:
        made: Mapping[str, Any] = checked("padding", lambda _: _transposed(native, rank), None)
        return made

    return get


def _put_transposed(node: Node) -> Mapping[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, ConvTranspose)
    spans = [extent(k, d) for k, d in zip(op.kernel, op.dilations, strict=True)]
    match op.padding:
        case Same():
            return {"padding": "same"} if not any(op.output_padding) else _no_crop(op)
        case Valid():
            short = tuple(max(s - span, 0) for s, span in zip(op.strides, spans, strict=True))
            if op.output_padding == short:
                return {}
            if all(more < s for more, s in zip(op.output_padding, op.strides, strict=True)):
                return {"output_padding": list(op.output_padding)}
            return _no_crop(op)
        case Explicit(pads):
            extra = [2 * (span // 2) - sum(pair) for span, pair in zip(spans, pads, strict=True)]
            fits = all(
                0 < span - sum(pair) <= s for span, pair, s in zip(spans, pads, op.strides, strict=True)
            )
            fits = fits and all(0 <= more < s for more, s in zip(extra, op.strides, strict=True))
            if any(op.output_padding) or not fits:
                return _no_crop(op)
            return {"padding": "same", "output_padding": extra}


def _no_crop(op: ConvTranspose) -> Refusal:
    return Refusal(
        f"Keras's transposed convolutions cannot crop {padding_text(op.padding)} and append {list(op.output_padding)}",
        "a Cropping layer behind one without padding crops by any amount",
    )


def _conv(rank: int) -> Row:
    return KerasRow(
        f"Conv{rank}D",
        Conv,
        links=(
            required_link("filters", "filters"),
            *window_links(rank),
            Link("groups", "groups", 1),
            Link("bias", "use_bias", True),
            data_format(),
        ),
        reads=("padding",),
        get=padding_reader(rank),
        put=padding_writer(causal=rank == _ONE_AXIS),
        guard=rank_guard(rank, lambda: CONV_ROWS),
        roles=_conv_arrays,
    )


def _transpose(rank: int) -> Row:
    return KerasRow(
        f"Conv{rank}DTranspose",
        ConvTranspose,
        links=(
            required_link("filters", "filters"),
            *window_links(rank),
            Link("bias", "use_bias", True),
            data_format(),
        ),
        reads=("padding", "output_padding"),
        get=_transposed_reader(rank),
        put=_put_transposed,
        guard=rank_guard(rank, lambda: TRANSPOSE_ROWS),
        roles=_conv_arrays,
    )


def _depthwise_row(rank: int) -> Row:
    return KerasRow(
        f"DepthwiseConv{rank}D",
        DepthwiseConv,
        links=(
            Link("multiplier", "depth_multiplier", 1),
            *window_links(rank),
            Link("bias", "use_bias", True),
            data_format(),
        ),
        reads=("padding",),
        get=padding_reader(rank),
        put=padding_writer(causal=False),
        guard=rank_guard(rank, lambda: DEPTHWISE_ROWS),
        roles=_depthwise_arrays,
    )


def _separable(rank: int) -> Row:
    return KerasRow(
        f"SeparableConv{rank}D",
        SeparableConv,
        links=(
            required_link("filters", "filters"),
            Link("multiplier", "depth_multiplier", 1),
            *window_links(rank),
            Link("bias", "use_bias", True),
            data_format(),
        ),
        reads=("padding",),
        get=padding_reader(rank),
        put=padding_writer(causal=False),
        guard=rank_guard(rank, lambda: SEPARABLE_ROWS),
        roles=_separable_arrays,
    )


def _local(rank: int) -> Row:
    return KerasRow(
        f"LocallyConnected{rank}D",
        LocallyConnected,
        links=(
            required_link("filters", "filters"),
            *window_links(rank),
            Link("bias", "use_bias", True),
            data_format(),
        ),
        reads=("padding",),
        get=padding_reader(rank),
        put=padding_writer(causal=False),
        guard=rank_guard(rank, lambda: LOCAL_ROWS),
        roles=_local_arrays,
    )


CONV_ROWS: Final[Mapping[int, Row]] = {rank: _conv(rank) for rank in (2, 1, 3)}
TRANSPOSE_ROWS: Final[Mapping[int, Row]] = {rank: _transpose(rank) for rank in (2, 1, 3)}
DEPTHWISE_ROWS: Final[Mapping[int, Row]] = {rank: _depthwise_row(rank) for rank in (2, 1)}
SEPARABLE_ROWS: Final[Mapping[int, Row]] = {rank: _separable(rank) for rank in (2, 1)}
LOCAL_ROWS: Final[Mapping[int, Row]] = {rank: _local(rank) for rank in (2, 1)}

CONVOLUTION_ROWS = (
    *CONV_ROWS.values(),
    *TRANSPOSE_ROWS.values(),
    *DEPTHWISE_ROWS.values(),
    *SEPARABLE_ROWS.values(),
)
