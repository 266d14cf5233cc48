"""The TensorFlow ops that are written: which attributes name the element types of which inputs.

Facts are those of TensorFlow's op registry (a test holds the table against it). Importing a graph fills in attributes
that have defaults, but never element types and counts, so these are always written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from transpiler.ir import DType


class OpDef(msgspec.Struct, frozen=True):
    """One op. `types`: attribute -> index of the input whose element type it is. `count`: the attribute that counts
    the inputs of a list. `result`: the element type of the first output, if it is not that of input 0.
    """

    types: Mapping[str, int] = msgspec.field(default_factory=dict)
    count: str | None = None
    result: DType | str | None = None
    """A type, or the name of the attribute that holds it."""


_T: Final = OpDef({"T": 0})
_REDUCE: Final = OpDef({"T": 0, "Tidx": 1})
_COMPARE: Final = OpDef({"T": 0}, result=DType.BOOL)

_ELEMENTWISE = """
    Abs AddV2 Sub Mul RealDiv Pow Maximum Minimum SquaredDifference FloorDiv FloorMod Atan2 Neg Exp Expm1 Log Log1p Sqrt
    Rsqrt Square Sign Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh Erf Erfinv Floor Ceil Round Reciprocal
    Lgamma Digamma Sigmoid Softplus Softsign Relu Relu6 LeakyRelu Elu Selu Softmax LogSoftmax Identity
    ZerosLike OnesLike BiasAdd LRN MaxPool AvgPool MaxPool3D AvgPool3D Conv2D Conv3D DepthwiseConv2dNative
"""
_COMPARISONS = "Greater GreaterEqual Less LessEqual Equal NotEqual"
_REDUCTIONS = "Sum Mean Max Min Prod"

OPS: Final[Mapping[str, OpDef]] = {
    **dict.fromkeys(_ELEMENTWISE.split(), _T),
    **dict.fromkeys(_COMPARISONS.split(), _COMPARE),
    **dict.fromkeys(_REDUCTIONS.split(), _REDUCE),
    "All": OpDef({"Tidx": 1}),
    "Any": OpDef({"Tidx": 1}),
    "LogicalAnd": OpDef(result=DType.BOOL),
    "LogicalOr": OpDef(result=DType.BOOL),
    "LogicalNot": OpDef(result=DType.BOOL),
    "IsNan": OpDef({"T": 0}, result=DType.BOOL),
    "IsInf": OpDef({"T": 0}, result=DType.BOOL),
    "IsFinite": OpDef({"T": 0}, result=DType.BOOL),
    "Placeholder": OpDef(result="dtype"),
    "Const": OpDef(result="dtype"),
    "ReadVariableOp": OpDef(result="dtype"),
    "EnsureShape": _T,
    "Enter": _T,
    "Merge": OpDef({"T": 0}, count="N"),
    "Switch": _T,
    "LoopCond": OpDef(result=DType.BOOL),
    "NextIteration": _T,
    "Exit": _T,
    "TensorArrayV3": OpDef(result="dtype"),
    "TensorArrayScatterV3": OpDef({"T": 2}, result=DType.FLOAT32),
    "TensorArrayReadV3": OpDef(result="dtype"),
    "TensorArrayWriteV3": OpDef({"T": 2}, result=DType.FLOAT32),
    "TensorArrayGatherV3": OpDef(result="dtype"),
    "Range": OpDef({"Tidx": 0}),
    "Fill": OpDef({"index_type": 0, "T": 1}, result="T"),
    "AddN": OpDef({"T": 0}, count="N"),
    "ConcatV2": OpDef({"T": 0, "Tidx": -1}, count="N"),
    "Pack": OpDef({"T": 0}, count="N"),
    "Unpack": OpDef({"T": 0}),
    "Split": OpDef({"T": 1}),
    "SplitV": OpDef({"T": 0, "Tlen": 1}),
    "MatMul": _T,
    "BatchMatMulV2": _T,
    "Einsum": OpDef({"T": 0}, count="N"),
    "Reshape": OpDef({"T": 0, "Tshape": 1}),
    "Shape": OpDef({"T": 0}, result="out_type"),
    "Transpose": OpDef({"T": 0, "Tperm": 1}),
    "ExpandDims": OpDef({"T": 0, "Tdim": 1}),
    "Squeeze": _T,
    "Pad": OpDef({"T": 0, "Tpaddings": 1}),
    "PadV2": OpDef({"T": 0, "Tpaddings": 1}),
    "MirrorPad": OpDef({"T": 0, "Tpaddings": 1}),
    "StridedSlice": OpDef({"T": 0, "Index": 1}),
    "SpaceToBatchND": OpDef({"T": 0, "Tblock_shape": 1, "Tpaddings": 2}),
    "BatchToSpaceND": OpDef({"T": 0, "Tblock_shape": 1, "Tcrops": 2}),
    "Conv2DBackpropInput": OpDef({"T": 1}, result="T"),
    "Conv3DBackpropInputV2": OpDef({"Tshape": 0, "T": 1}, result="T"),
    "FusedBatchNormV3": OpDef({"T": 0, "U": 1}),
    "GatherV2": OpDef({"Tparams": 0, "Tindices": 1, "Taxis": 2}),
    "Cast": OpDef({"SrcT": 0}, result="DstT"),
    "SelectV2": OpDef({"T": 1}, result="T"),
    "ArgMax": OpDef({"T": 0, "Tidx": 1}, result="output_type"),
    "ArgMin": OpDef({"T": 0, "Tidx": 1}, result="output_type"),
    "TopKV2": OpDef({"T": 0, "Tk": 1}),
    "Tile": OpDef({"T": 0, "Tmultiples": 1}),
    "BroadcastTo": OpDef({"T": 0, "Tidx": 1}),
    "ReverseV2": OpDef({"T": 0, "Tidx": 1}),
    "Roll": OpDef({"T": 0, "Tshift": 1, "Taxis": 2}),
    "Cumsum": OpDef({"T": 0, "Tidx": 1}),
    "Cumprod": OpDef({"T": 0, "Tidx": 1}),
    "OneHot": OpDef({"TI": 0, "T": 2}, result="T"),
    "Where": OpDef({"T": 0}, result=DType.INT64),
    "ExtractImagePatches": _T,
    "ScaleAndTranslate": OpDef({"T": 0}, result=DType.FLOAT32),
    "ResizeNearestNeighbor": _T,
    "ResizeBilinear": OpDef({"T": 0}, result=DType.FLOAT32),
    "ResizeBicubic": OpDef({"T": 0}, result=DType.FLOAT32),
    "ResizeArea": OpDef({"T": 0}, result=DType.FLOAT32),
}
"""Op -> how its attributes follow from its inputs."""
