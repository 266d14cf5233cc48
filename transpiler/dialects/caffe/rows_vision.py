"""Rows of Caffe's vision layers: convolutions, pooling, cropping, pyramids.

Facts: base_conv_layer.cpp, pooling_layer.cpp, im2col_layer.cpp, spp_layer.cpp, crop_layer.cpp of BVLC Caffe 1.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from transpiler.dialects.caffe.fields import (
    CONVOLUTION_WINDOW,
    POOLING_WINDOW,
    NotModelled,
    check_filled_in,
    convolution_window,
    forks_only,
    needed,
    padding_of,
    put_convolution_window,
    put_window,
    spatial_values,
    symbol,
)
from transpiler.dialects.rows import FieldError, Link, Native, Refusal, Row
from transpiler.ir import Node, Op
from transpiler.ir.attributes import Attr
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv, Unfold
from transpiler.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    Pooling,
    RoiPool,
    SpatialPyramidPool,
    StochasticPool,
)
from transpiler.ops.shape import CropLike
from transpiler.ops.windows import Rounding

FILTERS = needed("filters", "num_output")
BIAS = Link("bias", "bias_term", True)
GROUPS = Link("groups", "group", 1)


def _get_window(native: Native) -> dict[str, Any]:
    check_filled_in(native)
    if native.config.get("relu"):
        raise NotModelled("relu", "a convolution with a fused ReLU belongs to a fork")
    return convolution_window(native)


def _get_transposed(native: Native) -> dict[str, Any]:
    window = _get_window(native)
    return {**window, "output_padding": (0,) * len(window["kernel"])}


def _put_depthwise(node: Node) -> dict[str, Attr] | Refusal:
    """A depthwise convolution is a convolution of as many groups as its operand has channels."""
    op = node.op
    assert isinstance(op, DepthwiseConv)
    shape = node.operands[0].type.shape
    channels = shape[1] if shape is not None and len(shape) > 1 else None
    if channels is None:
        return Refusal(
            "Caffe counts the groups of a depthwise convolution, but the input's channels are unknown"
        )
    window = put_convolution_window(node)
    if isinstance(window, Refusal):
        return window
    return {"num_output": channels * op.multiplier, "group": channels, **window}


def _get_depthwise(native: Native) -> dict[str, Any]:
    """Forks' depthwise layers have a filter for each channel, whatever `group` says."""
    filters = native.config.get("num_output")
    return {**_get_window(native), "filters": filters, "groups": filters}


def _put_fork_depthwise(node: Node) -> dict[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, Conv)
    window = put_convolution_window(node)
    return window if isinstance(window, Refusal) else {"num_output": op.filters, **window}


def _get_pool(native: Native) -> dict[str, Any]:
    config = native.config
    if any(name in config for name in ("kernel_d", "kernel_depth", "kernel_l")):
        raise NotModelled("", "pooling along a third axis belongs to a fork")
    kernel = spatial_values(config, "kernel_size", 2, 0, paired="kernel")
    if not all(kernel):
        raise FieldError("", "the kernel size is missing or 0")
    pads = spatial_values(config, "pad", 2, 0)
    for pad, size in zip(pads, kernel, strict=True):
        if pad >= size:
            raise FieldError(
                "pad", f"a pad of {pad} is not smaller than the kernel of {size}, as pooling needs"
            )
    return {
        "kernel": kernel,
        "strides": spatial_values(config, "stride", 2, 1),
        "padding": padding_of(pads),
        "rounding": _rounding(config),
    }


def _rounding(config: Mapping[str, Attr]) -> Rounding:
    """Up, unless `round_mode` says otherwise. A fork's `ceil_mode` does not count, as in BVLC Caffe (T1104 says so)."""
    return Rounding.FLOOR if config.get("round_mode") == "FLOOR" else Rounding.CEIL


def _put_pool(node: Node) -> dict[str, Attr] | Refusal:
    op: Any = node.op
    if op.rank != 2:
        return Refusal(f"Caffe pools over 2 spatial axes, not {op.rank}")
    window = put_window(op, repeated=False)
    if isinstance(window, Refusal):
        return window
    if op.rounding is Rounding.CEIL_CLIP:
        return Refusal("Caffe drops a last window that starts in the end padding only where there is padding")
    return {**window, "round_mode": symbol("FLOOR")} if op.rounding is Rounding.FLOOR else window


def _get_max(native: Native) -> dict[str, Any]:
    return {**_get_pool(native), "mask": native.results == 2}


def _get_average(native: Native) -> dict[str, Any]:
    return {**_get_pool(native), "count_padding": True}


def _put_average(node: Node) -> dict[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, AveragePool)
    if not op.count_padding:
        return Refusal(
            "Caffe's average pooling counts padding in the divisor",
            "only an average without padding has an exact form",
        )
    return _put_pool(node)


def _get_global(native: Native) -> dict[str, Any]:
    if native.results > 1:
        raise NotModelled("", "the mask of a global pooling is not modelled")
    return {"keepdims": True}


def _put_global(node: Node) -> dict[str, Attr] | Refusal:
    op: Any = node.op
    if not op.keepdims:
        return Refusal("Caffe's global pooling keeps the spatial axes", "flatten its result")
    rank = node.operands[0].type.rank
    return {} if rank in (None, 4) else Refusal(f"Caffe pools 4 axes, not {rank}")


_NO_GLOBAL: dict[str, Attr] = {"pool": symbol("MAX"), "global_pooling": False}


def _pooling(
    method: str,
    op: type[Op],
    *,
    whole: bool = False,
    get: Callable[[Native], dict[str, Any]],
    put: Callable[[Node], dict[str, Attr] | Refusal],
) -> Row:
    reads = () if whole else (*POOLING_WINDOW, "round_mode")
    fixed: dict[str, Attr] = {"pool": symbol(method), "global_pooling": whole}
    return Row("Pooling", op, fixed=fixed, fixed_default=_NO_GLOBAL, reads=reads, get=get, put=put)


def _get_pyramid(native: Native) -> dict[str, Any]:
    method = native.config.get("pool", "MAX")
    if method == "STOCHASTIC":
        raise NotModelled("pool", "stochastic pyramid pooling is not modelled")
    return {"pooling": Pooling.AVERAGE if method == "AVE" else Pooling.MAX}


def _put_pyramid(node: Node) -> dict[str, Attr]:
    op = node.op
    assert isinstance(op, SpatialPyramidPool)
    return {"pool": symbol("AVE")} if op.pooling is Pooling.AVERAGE else {}


def _convolution(native: str, op: type[Op], **more: Any) -> Row:
    return Row(
        native,
        op,
        (FILTERS, BIAS, GROUPS),
        reads=(*CONVOLUTION_WINDOW, "relu"),
        put=put_convolution_window,
        **more,
    )


ROWS = (
    _convolution("Convolution", Conv, get=_get_window),
    Row(
        "ConvolutionDepthwise",
        Conv,
        (BIAS,),
        reads=(*CONVOLUTION_WINDOW, "relu", "num_output", "group"),
        get=_get_depthwise,
        put=_put_fork_depthwise,
        guard=forks_only("ConvolutionDepthwise"),
    ),
    Row(
        "DepthwiseConvolution",
        Conv,
        (BIAS,),
        reads=(*CONVOLUTION_WINDOW, "relu", "num_output", "group"),
        get=_get_depthwise,
        put=_put_fork_depthwise,
        guard=forks_only("DepthwiseConvolution"),
    ),
    Row("Convolution", DepthwiseConv, (BIAS,), put=_put_depthwise, write_only=True),
    _convolution("Deconvolution", ConvTranspose, get=_get_transposed),
    Row("Im2col", Unfold, reads=CONVOLUTION_WINDOW, get=convolution_window, put=put_convolution_window),
    _pooling("MAX", MaxPool, get=_get_max, put=_put_pool),
    _pooling("AVE", AveragePool, get=_get_average, put=_put_average),
    _pooling("STOCHASTIC", StochasticPool, get=_get_pool, put=_put_pool),
    _pooling("MAX", GlobalMaxPool, whole=True, get=_get_global, put=_put_global),
    _pooling("AVE", GlobalAveragePool, whole=True, get=_get_global, put=_put_global),
    Row(
        "SPP",
        SpatialPyramidPool,
        (needed("height", "pyramid_height"),),
        reads=("pool",),
        get=_get_pyramid,
        put=_put_pyramid,
    ),
    Row("Crop", CropLike, (Link("axis", "axis", 2), Link("offsets", "offset", []))),
    Row(
        "ROIPooling",
        RoiPool,
        (needed("height", "pooled_h"), needed("width", "pooled_w"), Link("scale", "spatial_scale", 1.0)),
        guard=forks_only("ROIPooling"),
    ),
)
"""Where several rows read one native type, their fixed fields tell them apart."""
