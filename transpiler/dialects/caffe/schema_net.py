"""The messages around the layers: blobs, fillers, the net itself, states and rules, and one layer's envelope.

Names, numbers, types and defaults are those of BVLC Caffe 1.0's schema.
"""

from __future__ import annotations

from transpiler.dialects.caffe.schema_types import (
    BOOL,
    BYTES,
    DOUBLE,
    FLOAT,
    INT32,
    INT64,
    STRING,
    UINT32,
    EnumSpec,
    MessageSpec,
    enumeration,
    message,
    optional,
    repeated,
)

__all__ = ["NET_MESSAGES", "PHASE"]

PHASE: EnumSpec = enumeration("Phase", "TRAIN", "TEST")
_VARIANCE_NORM = enumeration("FillerParameter.VarianceNorm", "FAN_IN", "FAN_OUT", "AVERAGE")
_DIM_CHECK_MODE = enumeration("ParamSpec.DimCheckMode", "STRICT", "PERMISSIVE")
_NORMALIZATION = enumeration("LossParameter.NormalizationMode", "FULL", "VALID", "BATCH_SIZE", "NONE")

_BLOBS = (
    message(
        "BlobShape",
        repeated("dim", 1, INT64, packed=True),
    ),
    message(
        "BlobProto",
        optional("shape", 7, "BlobShape"),
        repeated("data", 5, FLOAT, packed=True),
        repeated("diff", 6, FLOAT, packed=True),
        repeated("double_data", 8, DOUBLE, packed=True),
        repeated("double_diff", 9, DOUBLE, packed=True),
        optional("num", 1, INT32, 0, deprecated=True),
        optional("channels", 2, INT32, 0, deprecated=True),
        optional("height", 3, INT32, 0, deprecated=True),
        optional("width", 4, INT32, 0, deprecated=True),
    ),
    message(
        "BlobProtoVector",
        repeated("blobs", 1, "BlobProto"),
    ),
    message(
        "Datum",
        optional("channels", 1, INT32),
        optional("height", 2, INT32),
        optional("width", 3, INT32),
        optional("data", 4, BYTES),
        optional("label", 5, INT32),
        repeated("float_data", 6, FLOAT),
        optional("encoded", 7, BOOL, False),
    ),
    message(
        "FillerParameter",
        optional("type", 1, STRING, "constant"),
        optional("value", 2, FLOAT, 0),
        optional("min", 3, FLOAT, 0),
        optional("max", 4, FLOAT, 1),
        optional("mean", 5, FLOAT, 0),
        optional("std", 6, FLOAT, 1),
        optional("sparse", 7, INT32, -1),
        optional("variance_norm", 8, _VARIANCE_NORM, "FAN_IN"),
    ),
)

_NET = (
    message(
        "NetParameter",
        optional("name", 1, STRING),
        repeated("input", 3, STRING, deprecated=True),
        repeated("input_shape", 8, "BlobShape", deprecated=True),
        repeated("input_dim", 4, INT32, deprecated=True),
        optional("force_backward", 5, BOOL, False),
        optional("state", 6, "NetState"),
        optional("debug_info", 7, BOOL, False),
        repeated("layer", 100, "LayerParameter"),
        repeated("layers", 2, "V1LayerParameter", deprecated=True),
    ),
    message(
        "NetState",
        optional("phase", 1, PHASE, "TEST"),
        optional("level", 2, INT32, 0),
        repeated("stage", 3, STRING),
    ),
    message(
        "NetStateRule",
        optional("phase", 1, PHASE),
        optional("min_level", 2, INT32),
        optional("max_level", 3, INT32),
        repeated("stage", 4, STRING),
        repeated("not_stage", 5, STRING),
    ),
)

_LAYER = (
    message(
        "ParamSpec",
        optional("name", 1, STRING),
        optional("share_mode", 2, _DIM_CHECK_MODE),
        optional("lr_mult", 3, FLOAT, 1),
        optional("decay_mult", 4, FLOAT, 1),
    ),
    message(
        "LayerParameter",
        optional("name", 1, STRING),
        optional("type", 2, STRING),
        repeated("bottom", 3, STRING),
        repeated("top", 4, STRING),
        optional("phase", 10, PHASE),
        repeated("param", 6, "ParamSpec"),
        repeated("include", 8, "NetStateRule"),
        repeated("exclude", 9, "NetStateRule"),
        repeated("loss_weight", 5, FLOAT),
        repeated("propagate_down", 11, BOOL),
        optional("transform_param", 100, "TransformationParameter"),
        optional("loss_param", 101, "LossParameter"),
        optional("accuracy_param", 102, "AccuracyParameter"),
        optional("argmax_param", 103, "ArgMaxParameter"),
        optional("batch_norm_param", 139, "BatchNormParameter"),
        optional("bias_param", 141, "BiasParameter"),
        optional("clip_param", 148, "ClipParameter"),
        optional("concat_param", 104, "ConcatParameter"),
        optional("contrastive_loss_param", 105, "ContrastiveLossParameter"),
        optional("convolution_param", 106, "ConvolutionParameter"),
        optional("crop_param", 144, "CropParameter"),
        optional("data_param", 107, "DataParameter"),
        optional("dropout_param", 108, "DropoutParameter"),
        optional("dummy_data_param", 109, "DummyDataParameter"),
        optional("eltwise_param", 110, "EltwiseParameter"),
        optional("elu_param", 140, "ELUParameter"),
        optional("embed_param", 137, "EmbedParameter"),
        optional("exp_param", 111, "ExpParameter"),
        optional("flatten_param", 135, "FlattenParameter"),
        optional("hdf5_data_param", 112, "HDF5DataParameter"),
        optional("hdf5_output_param", 113, "HDF5OutputParameter"),
        optional("hinge_loss_param", 114, "HingeLossParameter"),
        optional("image_data_param", 115, "ImageDataParameter"),
        optional("infogain_loss_param", 116, "InfogainLossParameter"),
        optional("inner_product_param", 117, "InnerProductParameter"),
        optional("input_param", 143, "InputParameter"),
        optional("log_param", 134, "LogParameter"),
        optional("lrn_param", 118, "LRNParameter"),
        optional("memory_data_param", 119, "MemoryDataParameter"),
        optional("mvn_param", 120, "MVNParameter"),
        optional("parameter_param", 145, "ParameterParameter"),
        optional("pooling_param", 121, "PoolingParameter"),
        optional("power_param", 122, "PowerParameter"),
        optional("prelu_param", 131, "PReLUParameter"),
        optional("python_param", 130, "PythonParameter"),
        optional("recurrent_param", 146, "RecurrentParameter"),
        optional("reduction_param", 136, "ReductionParameter"),
        optional("relu_param", 123, "ReLUParameter"),
        optional("reshape_param", 133, "ReshapeParameter"),
        optional("scale_param", 142, "ScaleParameter"),
        optional("sigmoid_param", 124, "SigmoidParameter"),
        optional("slice_param", 126, "SliceParameter"),
        optional("softmax_param", 125, "SoftmaxParameter"),
        optional("spp_param", 132, "SPPParameter"),
        optional("swish_param", 147, "SwishParameter"),
        optional("tanh_param", 127, "TanHParameter"),
        optional("threshold_param", 128, "ThresholdParameter"),
        optional("tile_param", 138, "TileParameter"),
        optional("window_data_param", 129, "WindowDataParameter"),
        repeated("blobs", 7, "BlobProto"),
    ),
    message(
        "TransformationParameter",
        optional("scale", 1, FLOAT, 1),
        optional("mirror", 2, BOOL, False),
        optional("crop_size", 3, UINT32, 0),
        optional("mean_file", 4, STRING),
        repeated("mean_value", 5, FLOAT),
        optional("force_color", 6, BOOL, False),
        optional("force_gray", 7, BOOL, False),
    ),
    message(
        "LossParameter",
        optional("ignore_label", 1, INT32),
        optional("normalization", 3, _NORMALIZATION, "VALID"),
        optional("normalize", 2, BOOL, deprecated=True),
    ),
)

NET_MESSAGES: tuple[MessageSpec, ...] = _BLOBS + _NET + _LAYER
