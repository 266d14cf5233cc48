"""Rows of Caffe's losses and measures. How a loss is normalized (`loss_param`) stays with the layer's other fields."""

from __future__ import annotations

from typing import Any

from transpiler.dialects.caffe.fields import forks_only, symbol
from transpiler.dialects.rows import Link, Native, Row
from transpiler.ir import Op
from transpiler.ir.attributes import Attr
from transpiler.ops.loss import (
    Accuracy,
    ContrastiveLoss,
    EuclideanLoss,
    HingeLoss,
    InfogainLoss,
    MultinomialLogisticLoss,
    Norm,
    SigmoidCrossEntropyLoss,
    SmoothL1Loss,
    SoftmaxLoss,
)


def _results(native: Native) -> dict[str, Any]:
    return {"results": native.results}


def _loss(native: str, op: type[Op], *links: Link, **more: Any) -> Row:
    return Row(native, op, links, get=_results, **more)


def _read_norm(value: str) -> str:
    return value.lower()


def _write_norm(value: Norm) -> Attr:
    return symbol(value.value.upper())


ROWS = (
    _loss("SoftmaxWithLoss", SoftmaxLoss, Link("axis", "axis", 1)),
    _loss("SigmoidCrossEntropyLoss", SigmoidCrossEntropyLoss),
    _loss("EuclideanLoss", EuclideanLoss),
    _loss("HingeLoss", HingeLoss, Link("norm", "norm", symbol("L1"), read=_read_norm, write=_write_norm)),
    _loss(
        "ContrastiveLoss",
        ContrastiveLoss,
        Link("margin", "margin", 1.0),
        Link("legacy", "legacy_version", False),
    ),
    _loss("InfogainLoss", InfogainLoss, Link("axis", "axis", 1), Link("source", "source", None)),
    _loss("MultinomialLogisticLoss", MultinomialLogisticLoss),
    _loss(
        "Accuracy",
        Accuracy,
        Link("axis", "axis", 1),
        Link("top_k", "top_k", 1),
        Link("ignore_label", "ignore_label", None),
    ),
    _loss("SmoothL1Loss", SmoothL1Loss, Link("sigma", "sigma", 1.0), guard=forks_only("SmoothL1Loss")),
)
