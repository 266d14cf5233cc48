"""What is known of TensorFlow's op types without their meaning: names of results, aliases, roles in a file.

Source: the op registry of TensorFlow 2.21 (tensorflow/core/ops).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RESULTS: Final[Mapping[str, tuple[str, ...]]] = {
    "FusedBatchNorm": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"),
    "FusedBatchNormV2": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"),
    "FusedBatchNormV3": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"),
    **dict.fromkeys(("TopK", "TopKV2"), ("values", "indices")),
    "MaxPoolWithArgmax": ("output", "argmax"),
    **dict.fromkeys(("Switch", "RefSwitch"), ("output_false", "output_true")),
    **dict.fromkeys(("Merge", "RefMerge"), ("output", "value_index")),
    **dict.fromkeys(("SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"), ("loss", "backprop")),
    "Unique": ("y", "idx"),
    "UniqueV2": ("y", "idx"),
    "LSTMBlockCell": ("i", "cs", "f", "o", "ci", "co", "h"),
    "GRUBlockCell": ("r", "u", "c", "h"),
    "BlockLSTM": ("i", "cs", "f", "o", "ci", "co", "h"),
    "CudnnRNNV3": ("output", "output_h", "output_c", "reserve_space", "host_reserved"),
    "StatelessRandomGetKeyCounter": ("key", "counter"),
    "BroadcastGradientArgs": ("r0", "r1"),
    "TensorArrayV3": ("handle", "flow"),
    "Moments": ("mean", "variance"),
    "NonMaxSuppressionV4": ("selected_indices", "valid_outputs"),
    "Qr": ("q", "r"),
    "Svd": ("s", "u", "v"),
}  # fmt: skip
"""Ops with several results of their own names; every other op has one result, or a list under one name."""

ALIASES: Final = frozenset(
    {
        "Identity", "IdentityN", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics", "EnsureShape",
        "ReadVariableOp", "DebugIdentity", "RefIdentity", "LoopCond", "_Retval", "PlaceholderV2Alias",
        "Print", "PrintV2", "DeepCopy",
    }
)  # fmt: skip
"""Ops whose result k is their operand k."""

VARIABLES: Final = frozenset(
    {"Variable", "VariableV2", "VarHandleOp", "TemporaryVariable", "AutoReloadVariable"}
)
PLACEHOLDERS: Final = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})
READERS: Final = frozenset(
    {
        "IteratorGetNext", "IteratorGetNextSync", "IteratorV2", "OneShotIterator", "ParseExample", "ParseExampleV2",
        "ParseSingleExample", "QueueDequeue", "QueueDequeueMany", "QueueDequeueManyV2", "QueueDequeueUpTo",
        "QueueDequeueUpToV2", "QueueDequeueV2", "ReaderReadV2",
    }
)  # fmt: skip
"""Ops that bring examples into a graph."""

CALLS: Final = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
BRANCHES: Final = frozenset({"If", "StatelessIf"})
WHILES: Final = frozenset({"While", "StatelessWhile"})
SWITCHES: Final = frozenset({"Switch", "RefSwitch"})
EXITS: Final = frozenset({"Exit", "RefExit"})
ENTERS: Final = frozenset({"Enter", "RefEnter"})
NEXTS: Final = frozenset({"NextIteration", "RefNextIteration"})
MERGES: Final = frozenset({"Merge", "RefMerge"})

RANDOM: Final = frozenset(
    {
        "RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomNormal", "RandomUniformInt", "RandomShuffle",
        "StatelessRandomUniform", "StatelessRandomUniformV2", "StatelessRandomNormal", "StatelessRandomNormalV2",
        "StatelessTruncatedNormal", "StatelessTruncatedNormalV2", "StatelessRandomGetKeyCounter",
        "StatelessRandomGetAlg", "StatelessRandomGetKeyCounterAlg", "ParameterizedTruncatedNormal", "Multinomial", "Qr",
    }
)  # fmt: skip
UNIFORM: Final = frozenset({"RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2"})

SAVING: Final = frozenset(
    {
        "Save", "SaveV2", "SaveSlices", "Restore", "RestoreV2", "RestoreSlice", "MergeV2Checkpoints", "ShardedFilename",
        "ShardedFilespec", "StaticRegexFullMatch", "StringJoin",
    }
)  # fmt: skip
SUMMARIES: Final = frozenset(
    {
        "ScalarSummary", "HistogramSummary", "ImageSummary", "AudioSummary", "AudioSummaryV2", "TensorSummary",
        "TensorSummaryV2", "MergeSummary", "WriteSummary", "WriteScalarSummary", "WriteHistogramSummary",
        "WriteImageSummary",
    }
)  # fmt: skip
INITIALIZATION: Final = frozenset(
    {
        "Assign", "AssignVariableOp", "VarIsInitializedOp", "IsVariableInitialized", "InitializeTable",
        "InitializeTableV2", "InitializeTableFromTextFile", "InitializeTableFromTextFileV2", "NoOp", "Assert",
        "VariableShape", "DestroyResourceOp", "ReportUninitializedVariables",
    }
)  # fmt: skip
QUEUES: Final = frozenset(
    {
        "QueueEnqueueV2", "QueueEnqueueManyV2", "QueueCloseV2", "QueueSizeV2", "QueueEnqueue", "QueueEnqueueMany",
        "QueueClose", "QueueSize", "FIFOQueueV2", "RandomShuffleQueueV2", "PaddingFIFOQueueV2", "FIFOQueue",
        "RandomShuffleQueue", "MakeIterator", "ReaderNumRecordsProducedV2",
    }
)  # fmt: skip
UPDATES: Final = frozenset(
    {
        "AssignSub", "AssignAdd", "AssignSubVariableOp", "AssignAddVariableOp", "ScatterUpdate", "ScatterSub",
        "ScatterAdd", "ResourceScatterUpdate", "ResourceScatterAdd", "ResourceScatterSub",
    }
)  # fmt: skip
LOSSES: Final = frozenset(
    {"SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits", "L2Loss", "CTCLoss", "CTCLossV2"}
)


def is_training(op: str) -> bool:
    """Whether an op exists only to train: it applies or computes gradients."""
    return (
        op.startswith(("Apply", "ResourceApply", "SparseApply", "ResourceSparseApply"))
        or op in UPDATES
        or op.endswith("Grad")
        or op == "BroadcastGradientArgs"
    )


def purpose(op: str) -> str | None:
    """What an op that is no part of a network serves, None for the others."""
    for ops, name in (
        (SAVING, "saving"),
        (SUMMARIES, "summaries"),
        (INITIALIZATION, "initialization"),
        (QUEUES, "input queues"),
    ):
        if op in ops:
            return name
    return "training" if is_training(op) else None


KNOWN: Final = frozenset(
    {
        "All", "Any", "ArgMax", "ArgMin", "Assert", "AudioSpectrogram", "AvgPool3D", "BatchMatMulV3",
        "BatchToSpaceND", "Betainc", "Bincount", "Bitcast", "BitwiseAnd", "BlockLSTM", "BlockLSTMV2",
        "BroadcastArgs", "BroadcastTo", "Bucketize", "CTCGreedyDecoder", "Cast", "Cholesky", "ConcatOffset",
        "Conv2DBackpropFilter", "CropAndResize", "Cross", "CudnnRNN", "CudnnRNNV2", "CudnnRNNV3", "Cumprod",
        "Cumsum", "DecodeJpeg", "DenseBincount", "DepthToSpace", "Dilation2D", "DynamicPartition", "DynamicStitch",
        "Einsum", "Enter", "Exit", "FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars", "Fill", "FloorDiv",
        "FloorMod", "GRUBlockCell", "Gather", "GatherNd", "HashTableV2", "If", "InTopK", "InvertPermutation",
        "L2Loss", "LSTMBlockCell", "LinSpace", "ListDiff", "LogicalAnd", "LogicalNot", "LogicalOr",
        "LookupTableFindV2", "LoopCond", "MatrixBandPart", "MatrixDiag", "MatrixInverse", "MaxPoolWithArgmax",
        "Merge", "MirrorPad", "Multinomial", "NextIteration", "NonMaxSuppression", "NonMaxSuppressionV2",
        "NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5", "OneHot", "OnesLike", "Pack", "Pad",
        "PadV2", "ParallelDynamicStitch", "Placeholder", "Qr", "RandomShuffle", "RandomStandardNormal",
        "RandomUniform", "RandomUniformInt", "Range", "Rank", "Reshape", "ResizeArea", "ResizeBicubic",
        "ResizeBilinear", "ResizeNearestNeighbor", "ReverseSequence", "ReverseV2", "Roll", "ScatterNd",
        "SegmentSum", "Select", "SelectV2", "Shape", "ShapeN", "Size", "Slice", "SoftmaxCrossEntropyWithLogits",
        "SpaceToBatchND", "SpaceToDepth", "SparseSoftmaxCrossEntropyWithLogits", "SparseTensorDenseAdd",
        "SparseToDense", "Squeeze", "StatelessIf", "StatelessRandomGetAlg", "StatelessRandomGetKeyCounter",
        "StatelessRandomUniformV2", "StatelessWhile", "StridedSlice", "StringToHashBucketFast", "Substr", "Svd",
        "Switch", "TensorArrayGatherV3", "TensorArrayReadV3", "TensorArrayScatterV3", "TensorArraySizeV3",
        "TensorArrayV3", "TensorArrayWriteV3", "TensorListFromTensor", "TensorListReserve", "TensorListStack",
        "Tile", "TopKV2", "Transpose", "TruncateDiv", "TruncatedNormal", "Unique", "UnravelIndex",
        "UnsortedSegmentSum", "Where", "While", "Xlogy", "ZerosLike", "Zeta",
    }
)  # fmt: skip
"""Ops of TensorFlow that stay single ops when the IR has no exact counterpart for them or for how they are used."""
