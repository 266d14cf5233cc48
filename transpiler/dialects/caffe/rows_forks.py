"""Rows of forks' layers that have ops of their own: detectors (SSD, R-CNN, R-FCN, YOLO), resampling, gating.

They are read, shaped and written back to the fork they came from; BVLC Caffe does not know them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transpiler.dialects.caffe.fields import NotModelled, forks_only, listed, needed, symbol
from transpiler.dialects.rows import Link, Native, Refusal, Row
from transpiler.ir import Node
from transpiler.ir.attributes import Attr
from transpiler.ops.detection import BoxCode, DetectionOutput, PositionSensitiveRoiPool, PriorBox, Proposal
from transpiler.ops.elementwise import Axpy
from transpiler.ops.resampling import Interp, Reorg, Unpool
from transpiler.ops.shape import Upsample

_NAMED_SIZES = ("img_size", "img_h", "img_w")
_NAMED_STEPS = ("step", "step_h", "step_w")


def _pair(config: Mapping[str, Attr], lone: str, high: str, wide: str) -> list[Any]:
    """A pair written as one number or as two; nothing if neither is."""
    if lone in config:
        return [config[lone], config[lone]]
    return [config[high], config[wide]] if high in config and wide in config else []


def _put_pair(values: tuple[Any, ...], lone: str, high: str, wide: str) -> dict[str, Attr]:
    if not values:
        return {}
    return {lone: values[0]} if values[0] == values[1] else {high: values[0], wide: values[1]}


def _get_priors(native: Native) -> dict[str, Any]:
    config = native.config
    return {
        "image_size": _pair(config, *_NAMED_SIZES),
        "steps": _pair(config, *_NAMED_STEPS),
        "variances": listed(config.get("variance", [0.1])),
    }


def _put_priors(node: Node) -> dict[str, Attr]:
    op = node.op
    assert isinstance(op, PriorBox)
    variances: dict[str, Attr] = {} if op.variances == (0.1,) else {"variance": list(op.variances)}
    return {**variances, **_put_pair(op.image_size, *_NAMED_SIZES), **_put_pair(op.steps, *_NAMED_STEPS)}


def _get_detections(native: Native) -> dict[str, Any]:
    suppression = native.config.get("nms_param", {})
    nms = suppression if isinstance(suppression, Mapping) else {}
    code = native.config.get("code_type", "CORNER")
    return {
        "nms_threshold": nms.get("nms_threshold", 0.3),
        "top_k": nms.get("top_k"),
        "code": str(code).lower(),
    }


def _put_detections(node: Node) -> dict[str, Attr]:
    op = node.op
    assert isinstance(op, DetectionOutput)
    nms: dict[str, Attr] = {
        "nms_threshold": op.nms_threshold,
        **({} if op.top_k is None else {"top_k": op.top_k}),
    }
    code: dict[str, Attr] = {} if op.code is BoxCode.CORNER else {"code_type": symbol(op.code.name)}
    return {"nms_param": nms, **code}


def _get_interp(native: Native) -> dict[str, Any]:
    config = native.config
    if config.get("interp_type", "bilinear") != "bilinear":
        raise NotModelled("interp_type", "only bilinear interpolation is modelled")
    size = [config["height"], config["width"]] if config.get("height") and config.get("width") else []
    return {"size": size, "pads": [config.get("pad_beg", 0), config.get("pad_end", 0)]}


def _put_interp(node: Node) -> dict[str, Attr]:
    op = node.op
    assert isinstance(op, Interp)
    named = (("pad_beg", op.pads[0]), ("pad_end", op.pads[1]))
    size: dict[str, Attr] = {"height": op.size[0], "width": op.size[1]} if op.size else {}
    return {**size, **{name: value for name, value in named if value}}


def _factors(config: Mapping[str, Attr]) -> list[Any]:
    both = config.get("scale", 2)
    return [config.get("scale_h", both), config.get("scale_w", both)]


def _put_factors(factors: tuple[int, ...]) -> dict[str, Attr]:
    high, wide = factors
    if high == wide:
        return {} if high == 2 else {"scale": high}
    return {"scale_h": high, "scale_w": wide}


def _get_unpool(native: Native) -> dict[str, Any]:
    config = native.config
    if native.operands != 2:
        raise NotModelled("", "an Upsample layer without a mask is another fork's")
    sized = "upsample_h" in config and "upsample_w" in config
    trims = [1 if config.get(name) else 0 for name in ("pad_out_h", "pad_out_w")]
    return {
        "factors": _factors(config),
        "trims": trims,
        "size": [config["upsample_h"], config["upsample_w"]] if sized else [],
    }


def _put_unpool(node: Node) -> dict[str, Attr]:
    op = node.op
    assert isinstance(op, Unpool)
    named = zip(("pad_out_h", "pad_out_w"), op.trims, strict=True)
    size: dict[str, Attr] = {"upsample_h": op.size[0], "upsample_w": op.size[1]} if op.size else {}
    return {**_put_factors(op.factors), **{name: True for name, trim in named if trim}, **size}


def _get_upsample(native: Native) -> dict[str, Any]:
    return {"factors": _factors(native.config)}


def _put_upsample(node: Node) -> dict[str, Attr] | Refusal:
    op = node.op
    assert isinstance(op, Upsample)
    if len(op.factors) != 2:
        return Refusal("Upsample has two spatial axes")
    return _put_factors(op.factors)


def _get_proposal(native: Native) -> dict[str, Any]:
    return {"results": native.results}


UPSAMPLE_WITHOUT_MASK = Row(
    "Upsample", Upsample, reads=("scale", "scale_h", "scale_w"), get=_get_upsample, put=_put_upsample,
    guard=forks_only("Upsample"),
)  # fmt: skip
"""Read instead of the row with a mask where the layer has one bottom."""

ROWS = (
    Row("Axpy", Axpy, guard=forks_only("Axpy")),
    Row(
        "PriorBox",
        PriorBox,
        (
            Link("min_sizes", "min_size", []),
            Link("max_sizes", "max_size", []),
            Link("ratios", "aspect_ratio", []),
            Link("flip", "flip", True),
            Link("clip", "clip", False),
            Link("offset", "offset", 0.5),
        ),
        reads=("variance", *_NAMED_SIZES, *_NAMED_STEPS),
        get=_get_priors,
        put=_put_priors,
        guard=forks_only("PriorBox"),
    ),
    Row(
        "DetectionOutput",
        DetectionOutput,
        (
            needed("classes", "num_classes"),
            Link("share_location", "share_location", True),
            Link("background", "background_label_id", 0),
            Link("keep_top_k", "keep_top_k", -1),
            Link("confidence", "confidence_threshold", None),
        ),
        reads=("nms_param.nms_threshold", "nms_param.top_k", "code_type"),
        get=_get_detections,
        put=_put_detections,
        guard=forks_only("DetectionOutput"),
    ),
    Row(
        "PSROIPooling",
        PositionSensitiveRoiPool,
        (needed("channels", "output_dim"), needed("groups", "group_size"), needed("scale", "spatial_scale")),
        guard=forks_only("PSROIPooling"),
    ),
    Row(
        "Proposal",
        Proposal,
        (
            Link("stride", "feat_stride", 16),
            Link("base_size", "base_size", 16),
            Link("min_size", "min_size", 16),
            Link("ratios", "ratio", []),
            Link("scales", "scale", []),
            Link("before", "pre_nms_topn", None),
            Link("after", "post_nms_topn", None),
            Link("nms_threshold", "nms_thresh", 0.7),
        ),
        get=_get_proposal,
        guard=forks_only("Proposal"),
    ),
    Row(
        "Interp",
        Interp,
        (Link("zoom", "zoom_factor", 1), Link("shrink", "shrink_factor", 1)),
        reads=("height", "width", "pad_beg", "pad_end", "interp_type"),
        get=_get_interp,
        put=_put_interp,
        guard=forks_only("Interp"),
    ),
    Row(
        "Upsample",
        Unpool,
        reads=("scale", "scale_h", "scale_w", "pad_out_h", "pad_out_w", "upsample_h", "upsample_w"),
        get=_get_unpool,
        put=_put_unpool,
        guard=forks_only("Upsample"),
    ),
    UPSAMPLE_WITHOUT_MASK,
    Row(
        "Reorg",
        Reorg,
        (needed("stride", "stride"), Link("reverse", "reverse", False)),
        guard=forks_only("Reorg"),
    ),
)
