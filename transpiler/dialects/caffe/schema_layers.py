"""The parameter message of every layer type of BVLC Caffe 1.0, in alphabetical order."""

from __future__ import annotations

from transpiler.dialects.caffe.schema_types import (
    BOOL,
    FLOAT,
    INT32,
    STRING,
    UINT32,
    EnumSpec,
    MessageSpec,
    enumeration,
    message,
    optional,
    repeated,
    required,
)

__all__ = ["LAYER_MESSAGES"]

_FORK_ENGINES = "LIBDNN INTEL_SPATIAL FFT MKL2017 MKLDNN CAFFE_REF CUDNN_WINOGRAD NNPACK"


def _engine(owner: str) -> EnumSpec:
    """The choice of implementation, which eight messages declare alike."""
    return enumeration(f"{owner}.Engine", "DEFAULT", "CAFFE", "CUDNN", forks=_FORK_ENGINES)


_DB = enumeration("DataParameter.DB", "LEVELDB", "LMDB")
_ELTWISE_OP = enumeration("EltwiseParameter.EltwiseOp", "PROD", "SUM", "MAX", forks="DIV MIN SUB STOCHASTIC")
_HINGE_NORM = enumeration("HingeLossParameter.Norm", "L1", "L2", start=1)
_NORM_REGION = enumeration("LRNParameter.NormRegion", "ACROSS_CHANNELS", "WITHIN_CHANNEL")
_POOL_METHOD = enumeration("PoolingParameter.PoolMethod", "MAX", "AVE", "STOCHASTIC")
_ROUND_MODE = enumeration("PoolingParameter.RoundMode", "CEIL", "FLOOR")
_REDUCTION_OP = enumeration(
    "ReductionParameter.ReductionOp", "SUM", "ASUM", "SUMSQ", "MEAN", start=1, forks="MAX MIN"
)
_SPP_METHOD = enumeration("SPPParameter.PoolMethod", "MAX", "AVE", "STOCHASTIC")

LAYER_MESSAGES: tuple[MessageSpec, ...] = (
    message(
        "AccuracyParameter",
        optional("top_k", 1, UINT32, 1),
        optional("axis", 2, INT32, 1),
        optional("ignore_label", 3, INT32),
    ),
    message(
        "ArgMaxParameter",
        optional("out_max_val", 1, BOOL, False),
        optional("top_k", 2, UINT32, 1),
        optional("axis", 3, INT32),
    ),
    message(
        "BatchNormParameter",
        optional("use_global_stats", 1, BOOL),
        optional("moving_average_fraction", 2, FLOAT, 0.999),
        optional("eps", 3, FLOAT, 1e-5),
    ),
    message(
        "BiasParameter",
        optional("axis", 1, INT32, 1),
        optional("num_axes", 2, INT32, 1),
        optional("filler", 3, "FillerParameter"),
    ),
    message(
        "ClipParameter",
        required("min", 1, FLOAT),
        required("max", 2, FLOAT),
    ),
    message(
        "ConcatParameter",
        optional("axis", 2, INT32, 1),
        optional("concat_dim", 1, UINT32, 1, deprecated=True),
    ),
    message(
        "ContrastiveLossParameter",
        optional("margin", 1, FLOAT, 1),
        optional("legacy_version", 2, BOOL, False),
    ),
    message(
        "ConvolutionParameter",
        optional("num_output", 1, UINT32),
        optional("bias_term", 2, BOOL, True),
        repeated("pad", 3, UINT32),
        optional("pad_h", 9, UINT32, 0),
        optional("pad_w", 10, UINT32, 0),
        repeated("kernel_size", 4, UINT32),
        optional("kernel_h", 11, UINT32),
        optional("kernel_w", 12, UINT32),
        optional("group", 5, UINT32, 1),
        repeated("stride", 6, UINT32),
        optional("stride_h", 13, UINT32),
        optional("stride_w", 14, UINT32),
        repeated("dilation", 18, UINT32),
        optional("weight_filler", 7, "FillerParameter"),
        optional("bias_filler", 8, "FillerParameter"),
        optional("engine", 15, _engine("ConvolutionParameter"), "DEFAULT"),
        optional("axis", 16, INT32, 1),
        optional("force_nd_im2col", 17, BOOL, False),
    ),
    message(
        "CropParameter",
        optional("axis", 1, INT32, 2),
        repeated("offset", 2, UINT32),
    ),
    message(
        "DataParameter",
        optional("source", 1, STRING),
        optional("batch_size", 4, UINT32),
        optional("rand_skip", 7, UINT32, 0, deprecated=True),
        optional("backend", 8, _DB, "LEVELDB"),
        optional("scale", 2, FLOAT, 1, deprecated=True),
        optional("mean_file", 3, STRING, deprecated=True),
        optional("crop_size", 5, UINT32, 0, deprecated=True),
        optional("mirror", 6, BOOL, False, deprecated=True),
        optional("force_encoded_color", 9, BOOL, False),
        optional("prefetch", 10, UINT32, 4),
    ),
    message(
        "DropoutParameter",
        optional("dropout_ratio", 1, FLOAT, 0.5),
    ),
    message(
        "DummyDataParameter",
        repeated("data_filler", 1, "FillerParameter"),
        repeated("shape", 6, "BlobShape"),
        repeated("num", 2, UINT32, deprecated=True),
        repeated("channels", 3, UINT32, deprecated=True),
        repeated("height", 4, UINT32, deprecated=True),
        repeated("width", 5, UINT32, deprecated=True),
    ),
    message(
        "EltwiseParameter",
        optional("operation", 1, _ELTWISE_OP, "SUM"),
        repeated("coeff", 2, FLOAT),
        optional("stable_prod_grad", 3, BOOL, True),
    ),
    message(
        "ELUParameter",
        optional("alpha", 1, FLOAT, 1),
    ),
    message(
        "EmbedParameter",
        optional("num_output", 1, UINT32),
        optional("input_dim", 2, UINT32),
        optional("bias_term", 3, BOOL, True),
        optional("weight_filler", 4, "FillerParameter"),
        optional("bias_filler", 5, "FillerParameter"),
    ),
    message(
        "ExpParameter",
        optional("base", 1, FLOAT, -1),
        optional("scale", 2, FLOAT, 1),
        optional("shift", 3, FLOAT, 0),
    ),
    message(
        "FlattenParameter",
        optional("axis", 1, INT32, 1),
        optional("end_axis", 2, INT32, -1),
    ),
    message(
        "HDF5DataParameter",
        optional("source", 1, STRING),
        optional("batch_size", 2, UINT32),
        optional("shuffle", 3, BOOL, False),
    ),
    message(
        "HDF5OutputParameter",
        optional("file_name", 1, STRING),
    ),
    message(
        "HingeLossParameter",
        optional("norm", 1, _HINGE_NORM, "L1"),
    ),
    message(
        "ImageDataParameter",
        optional("source", 1, STRING),
        optional("batch_size", 4, UINT32, 1),
        optional("rand_skip", 7, UINT32, 0),
        optional("shuffle", 8, BOOL, False),
        optional("new_height", 9, UINT32, 0),
        optional("new_width", 10, UINT32, 0),
        optional("is_color", 11, BOOL, True),
        optional("scale", 2, FLOAT, 1, deprecated=True),
        optional("mean_file", 3, STRING, deprecated=True),
        optional("crop_size", 5, UINT32, 0, deprecated=True),
        optional("mirror", 6, BOOL, False, deprecated=True),
        optional("root_folder", 12, STRING, ""),
    ),
    message(
        "InfogainLossParameter",
        optional("source", 1, STRING),
        optional("axis", 2, INT32, 1),
    ),
    message(
        "InnerProductParameter",
        optional("num_output", 1, UINT32),
        optional("bias_term", 2, BOOL, True),
        optional("weight_filler", 3, "FillerParameter"),
        optional("bias_filler", 4, "FillerParameter"),
        optional("axis", 5, INT32, 1),
        optional("transpose", 6, BOOL, False),
    ),
    message(
        "InputParameter",
        repeated("shape", 1, "BlobShape"),
    ),
    message(
        "LogParameter",
        optional("base", 1, FLOAT, -1),
        optional("scale", 2, FLOAT, 1),
        optional("shift", 3, FLOAT, 0),
    ),
    message(
        "LRNParameter",
        optional("local_size", 1, UINT32, 5),
        optional("alpha", 2, FLOAT, 1),
        optional("beta", 3, FLOAT, 0.75),
        optional("norm_region", 4, _NORM_REGION, "ACROSS_CHANNELS"),
        optional("k", 5, FLOAT, 1),
        optional("engine", 6, _engine("LRNParameter"), "DEFAULT"),
    ),
    message(
        "MemoryDataParameter",
        optional("batch_size", 1, UINT32),
        optional("channels", 2, UINT32),
        optional("height", 3, UINT32),
        optional("width", 4, UINT32),
    ),
    message(
        "MVNParameter",
        optional("normalize_variance", 1, BOOL, True),
        optional("across_channels", 2, BOOL, False),
        optional("eps", 3, FLOAT, 1e-9),
    ),
    message(
        "ParameterParameter",
        optional("shape", 1, "BlobShape"),
    ),
    message(
        "PoolingParameter",
        optional("pool", 1, _POOL_METHOD, "MAX"),
        optional("pad", 4, UINT32, 0),
        optional("pad_h", 9, UINT32, 0),
        optional("pad_w", 10, UINT32, 0),
        optional("kernel_size", 2, UINT32),
        optional("kernel_h", 5, UINT32),
        optional("kernel_w", 6, UINT32),
        optional("stride", 3, UINT32, 1),
        optional("stride_h", 7, UINT32),
        optional("stride_w", 8, UINT32),
        optional("engine", 11, _engine("PoolingParameter"), "DEFAULT"),
        optional("global_pooling", 12, BOOL, False),
        optional("round_mode", 13, _ROUND_MODE, "CEIL"),
    ),
    message(
        "PowerParameter",
        optional("power", 1, FLOAT, 1),
        optional("scale", 2, FLOAT, 1),
        optional("shift", 3, FLOAT, 0),
    ),
    message(
        "PReLUParameter",
        optional("filler", 1, "FillerParameter"),
        optional("channel_shared", 2, BOOL, False),
    ),
    message(
        "PythonParameter",
        optional("module", 1, STRING),
        optional("layer", 2, STRING),
        optional("param_str", 3, STRING, ""),
        optional("share_in_parallel", 4, BOOL, False, deprecated=True),
    ),
    message(
        "RecurrentParameter",
        optional("num_output", 1, UINT32, 0),
        optional("weight_filler", 2, "FillerParameter"),
        optional("bias_filler", 3, "FillerParameter"),
        optional("debug_info", 4, BOOL, False),
        optional("expose_hidden", 5, BOOL, False),
    ),
    message(
        "ReductionParameter",
        optional("operation", 1, _REDUCTION_OP, "SUM"),
        optional("axis", 2, INT32, 0),
        optional("coeff", 3, FLOAT, 1),
    ),
    message(
        "ReLUParameter",
        optional("negative_slope", 1, FLOAT, 0),
        optional("engine", 2, _engine("ReLUParameter"), "DEFAULT"),
    ),
    message(
        "ReshapeParameter",
        optional("shape", 1, "BlobShape"),
        optional("axis", 2, INT32, 0),
        optional("num_axes", 3, INT32, -1),
    ),
    message(
        "ScaleParameter",
        optional("axis", 1, INT32, 1),
        optional("num_axes", 2, INT32, 1),
        optional("filler", 3, "FillerParameter"),
        optional("bias_term", 4, BOOL, False),
        optional("bias_filler", 5, "FillerParameter"),
    ),
    message(
        "SigmoidParameter",
        optional("engine", 1, _engine("SigmoidParameter"), "DEFAULT"),
    ),
    message(
        "SliceParameter",
        optional("axis", 3, INT32, 1),
        repeated("slice_point", 2, UINT32),
        optional("slice_dim", 1, UINT32, 1, deprecated=True),
    ),
    message(
        "SoftmaxParameter",
        optional("engine", 1, _engine("SoftmaxParameter"), "DEFAULT"),
        optional("axis", 2, INT32, 1),
    ),
    message(
        "SPPParameter",
        optional("pyramid_height", 1, UINT32),
        optional("pool", 2, _SPP_METHOD, "MAX"),
        optional("engine", 6, _engine("SPPParameter"), "DEFAULT"),
    ),
    message(
        "SwishParameter",
        optional("beta", 1, FLOAT, 1),
    ),
    message(
        "TanHParameter",
        optional("engine", 1, _engine("TanHParameter"), "DEFAULT"),
    ),
    message(
        "ThresholdParameter",
        optional("threshold", 1, FLOAT, 0),
    ),
    message(
        "TileParameter",
        optional("axis", 1, INT32, 1),
        optional("tiles", 2, INT32),
    ),
    message(
        "WindowDataParameter",
        optional("source", 1, STRING),
        optional("scale", 2, FLOAT, 1, deprecated=True),
        optional("mean_file", 3, STRING, deprecated=True),
        optional("batch_size", 4, UINT32),
        optional("crop_size", 5, UINT32, 0, deprecated=True),
        optional("mirror", 6, BOOL, False, deprecated=True),
        optional("fg_threshold", 7, FLOAT, 0.5),
        optional("bg_threshold", 8, FLOAT, 0.5),
        optional("fg_fraction", 9, FLOAT, 0.25),
        optional("context_pad", 10, UINT32, 0),
        optional("crop_mode", 11, STRING, "warp"),
        optional("cache_images", 12, BOOL, False),
        optional("root_folder", 13, STRING, ""),
    ),
)
