"""Ops of object detectors: prior boxes, proposals, pooling by position, final boxes. Channels first."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from transpiler.ir.op import Arity, Op, ShapeError, op
from transpiler.ir.types import TensorType, product
from transpiler.ops import fields as f


@op("prior_box", "Vision")
class PriorBox(Op):
    """Default boxes at every place of a feature map, and their variances: [1, 2, height * width * boxes * 4] (SSD).

    Each minimal size gives a box for each aspect ratio (1 first), each maximal size one more.
    """

    arity = Arity(1, 2)
    operand_names = ("x", "image")
    min_sizes: tuple[float, ...] = f.numbers("smallest sizes, in pixels")
    max_sizes: tuple[float, ...] = f.numbers("largest sizes, in pixels", ())
    ratios: tuple[float, ...] = f.numbers("aspect ratios besides 1", ())
    flip: bool = f.flag("whether each ratio stands for its inverse too", True)
    clip: bool = f.flag("whether boxes end at the image's border", False)
    variances: tuple[float, ...] = f.numbers("variances, one or four", (0.1,))
    image_size: tuple[int, ...] = f.integers(
        "height and width of the image, if the second operand is not to say", ()
    )
    steps: tuple[float, ...] = f.numbers("vertical and horizontal distance of centres, if not derived", ())
    offset: float = f.number("where in its cell a centre lies", 0.5)

    def __post_init__(self) -> None:
        if len(self.image_size) not in (0, 2) or len(self.steps) not in (0, 2):
            raise ValueError("image size and steps are those of height and width")
        if not self.variances or not all(self.ratios):
            raise ValueError("there are one or four variances, and no ratio is 0")

    @property
    def boxes(self) -> int:
        """Boxes at one place."""
        found = [1.0]
        for ratio in self.ratios:
            if all(abs(ratio - other) >= 1e-6 for other in found):
                found += [ratio, 1 / ratio] if self.flip else [ratio]
        return len(found) * len(self.min_sizes) + len(self.max_sizes)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape = operands[0].shape
        if shape is None:
            return (operands[0].with_shape((1, 2, None)),)
        if len(shape) != 4:
            raise ShapeError(f"prior boxes need a feature map of 4 axes, got {len(shape)}")
        return (operands[0].with_shape((1, 2, product((*shape[2:], self.boxes, 4)))),)


class BoxCode(enum.Enum):
    """How a detector's offsets are coded."""

    CORNER = "corner"
    CENTER_SIZE = "center_size"
    CORNER_SIZE = "corner_size"


@op("detection_output", "Vision")
class DetectionOutput(Op):
    """The boxes that remain after non-maximum suppression, one a row: image, label, score, x1, y1, x2, y2 (SSD).

    Operands: box offsets, class scores, prior boxes, and for refined detectors the first stage's scores and offsets.
    """

    arity = Arity(2, None)
    operand_names = ("locations", "scores", "priors")
    classes: int = f.integer("number of classes, background included", least=1)
    share_location: bool = f.flag("whether all classes share the boxes", True)
    background: int = f.integer("label of the background; -1: none", 0)
    nms_threshold: float = f.number("overlap above which the weaker box goes", 0.3)
    top_k: int | None = f.optional_integer("boxes that enter the suppression", None)
    keep_top_k: int = f.integer("boxes kept for an image; -1: all", -1)
    confidence: float | None = f.optional_number("score below which a box goes", None)
    code: BoxCode = f.choice(BoxCode, "how offsets are coded", BoxCode.CORNER)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (operands[0].with_shape((1, 1, None, 7)),)


@op("position_sensitive_roi_pool", "Vision")
class PositionSensitiveRoiPool(Op):
    """The mean of each of groups x groups bins of a region, each bin from its own channels (R-FCN)."""

    arity = Arity(2, 2)
    operand_names = ("x", "rois")
    channels: int = f.integer("output channels", least=1)
    groups: int = f.integer("bins along each axis", least=1)
    scale: float = f.number("factor from region coordinates to feature map coordinates", 1.0)

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        shape, rois = operands[0].shape, operands[1].shape
        needed = self.channels * self.groups**2
        if shape is not None and len(shape) == 4 and shape[1] not in (None, needed):
            raise ShapeError(
                f"{self.channels} outputs of {self.groups}x{self.groups} bins need {needed} channels, got {shape[1]}"
            )
        count = None if rois is None else rois[0]
        return (operands[0].with_shape((count, self.channels, self.groups, self.groups)),)


@op("proposal", "Vision")
class Proposal(Op):
    """Regions proposed from scores and offsets, rows (image, x1, y1, x2, y2), and their scores as a second result."""

    arity = Arity(3, 3)
    operand_names = ("scores", "offsets", "image_info")
    results: int = f.integer("how many results are named", 1, least=1)
    stride: int = f.integer("pixels between places", 16, least=1)
    base_size: int = f.integer("side of the smallest anchor", 16, least=1)
    min_size: int = f.integer("side below which a region goes", 16, least=0)
    ratios: tuple[float, ...] = f.numbers("aspect ratios of the anchors", ())
    scales: tuple[float, ...] = f.numbers("sizes of the anchors", ())
    before: int | None = f.optional_integer("regions that enter the suppression", None)
    after: int | None = f.optional_integer("regions kept", None)
    nms_threshold: float = f.number("overlap above which the weaker region goes", 0.7)

    @property
    def result_count(self) -> int:
        return self.results

    def infer(self, operands: Sequence[TensorType]) -> tuple[TensorType, ...]:
        return (operands[0].with_shape((None, 5)), operands[0].with_shape((None, 1)))[: self.results]
