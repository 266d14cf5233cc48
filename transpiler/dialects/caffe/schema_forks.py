"""What well-known forks of Caffe added: SSD, R-CNN, R-FCN, PSPNet, SegNet, YOLO ports, Intel, NVIDIA.

These fields let a file of a fork be read with types. They are not part of BVLC Caffe: the real one refuses a
file that uses them.
"""

from __future__ import annotations

from transpiler.dialects.caffe.schema_ssd import SSD_MESSAGES
from transpiler.dialects.caffe.schema_types import (
    BOOL,
    FLOAT,
    INT32,
    STRING,
    UINT32,
    FieldSpec,
    MessageSpec,
    enumeration,
    fork_message,
    fork_optional,
    fork_repeated,
)

__all__ = ["FORK_FIELDS", "FORK_MESSAGES"]

_LABEL_TYPE = enumeration("ImageDataParameter.LabelType", "NONE", "IMAGE", "PIXEL")
_CUDNN_FLAVOR = enumeration("ConvolutionParameter.CuDNNFlavor", "MULTIPLE_HANDLES", "SINGLE_HANDLE")
_MARGIN_TYPE = enumeration(
    "MarginInnerProductParameter.MarginType", "SINGLE", "DOUBLE", "TRIPLE", "QUADRUPLE"
)
_BN_MODE = enumeration("BNParameter.BNMode", "LEARN", "INFERENCE")
_FORK_ENGINE = enumeration("ForkEngine", "DEFAULT", "CAFFE", "CUDNN", forks="MKL2017 MKLDNN")

_OTHER_MESSAGES: tuple[MessageSpec, ...] = (
    fork_message(
        "BNParameter",
        fork_optional("scale_filler", "FillerParameter"),
        fork_optional("shift_filler", "FillerParameter"),
        fork_optional("bias_filler", "FillerParameter"),
        fork_optional("slope_filler", "FillerParameter"),
        fork_optional("bn_mode", _BN_MODE),
        fork_optional("var_eps", FLOAT, 1e-10),
        fork_optional("moving_average", BOOL, False),
        fork_optional("decay", FLOAT, 0.05),
        fork_optional("axis", INT32, 1),
        fork_optional("momentum", FLOAT, 0.9),
        fork_optional("eps", FLOAT, 1e-5),
        fork_optional("std", FLOAT),
        fork_optional("frozen", BOOL, False),
        fork_optional("engine", _FORK_ENGINE, "DEFAULT"),
    ),
    fork_message(
        "BoxAnnotatorOHEMParameter",
        fork_optional("roi_per_img", UINT32),
        fork_optional("ignore_label", INT32, -1),
    ),
    fork_message(
        "CenterLossParameter",
        fork_optional("num_output", UINT32),
        fork_optional("center_filler", "FillerParameter"),
        fork_optional("axis", INT32, 1),
    ),
    fork_message(
        "ContinuationIndicatorParameter",
        fork_optional("time_step", UINT32, 0),
        fork_optional("batch_size", UINT32, 0),
        fork_optional("axis", UINT32),
    ),
    fork_message(
        "CTCLossParameter",
        fork_optional("alphabet_size", UINT32, 0),
        fork_optional("time_step", UINT32, 0),
        fork_optional("blank_label", INT32, 0),
    ),
    fork_message(
        "DenseImageDataParameter",
        fork_optional("source", STRING),
        fork_optional("batch_size", UINT32, 1),
        fork_optional("rand_skip", UINT32, 0),
        fork_optional("shuffle", BOOL, False),
        fork_optional("new_height", UINT32, 0),
        fork_optional("new_width", UINT32, 0),
        fork_optional("is_color", BOOL, True),
        fork_optional("mirror", BOOL, False),
        fork_optional("crop_height", UINT32, 0),
        fork_optional("crop_width", UINT32, 0),
        fork_optional("root_folder", STRING, ""),
    ),
    fork_message(
        "InterpParameter",
        fork_optional("height", INT32, 0),
        fork_optional("width", INT32, 0),
        fork_optional("zoom_factor", INT32, 1),
        fork_optional("shrink_factor", INT32, 1),
        fork_optional("pad_beg", INT32, 0),
        fork_optional("pad_end", INT32, 0),
        fork_optional("interp_type", STRING, "bilinear"),
        fork_optional("use_blob_size", BOOL),
    ),
    fork_message(
        "LabelSequenceAccuracyParameter",
        fork_optional("blank_label", INT32, 0),
    ),
    fork_message(
        "MarginInnerProductParameter",
        fork_optional("num_output", UINT32),
        fork_optional("type", _MARGIN_TYPE),
        fork_optional("weight_filler", "FillerParameter"),
        fork_optional("axis", INT32, 1),
        fork_optional("base", FLOAT, 1),
        fork_optional("gamma", FLOAT, 0),
        fork_optional("power", FLOAT, 1),
        fork_optional("iteration", INT32, 0),
        fork_optional("lambda_min", FLOAT, 0),
    ),
    fork_message(
        "ProposalParameter",
        fork_optional("feat_stride", UINT32, 16),
        fork_optional("base_size", UINT32, 16),
        fork_optional("min_size", UINT32, 16),
        fork_repeated("ratio", FLOAT),
        fork_repeated("scale", FLOAT),
        fork_optional("pre_nms_topn", UINT32),
        fork_optional("post_nms_topn", UINT32),
        fork_optional("nms_thresh", FLOAT, 0.7),
    ),
    fork_message(
        "PSROIPoolingParameter",
        fork_optional("spatial_scale", FLOAT),
        fork_optional("output_dim", INT32),
        fork_optional("group_size", INT32),
    ),
    fork_message(
        "RegionLossParameter",
        fork_optional("side", UINT32, 13),
        fork_optional("num_class", UINT32, 20),
        fork_optional("bias_match", UINT32, 1),
        fork_optional("coords", UINT32, 4),
        fork_optional("num", UINT32, 5),
        fork_optional("softmax", UINT32, 1),
        fork_optional("jitter", FLOAT, 0.2),
        fork_optional("rescore", UINT32, 1),
        fork_optional("object_scale", FLOAT, 1),
        fork_optional("class_scale", FLOAT, 1),
        fork_optional("noobject_scale", FLOAT, 0.5),
        fork_optional("coord_scale", FLOAT, 5),
        fork_optional("absolute", UINT32, 1),
        fork_optional("thresh", FLOAT, 0.2),
        fork_optional("random", UINT32, 1),
        fork_repeated("biases", FLOAT),
        fork_optional("softmax_tree", STRING),
        fork_optional("class_map", STRING),
    ),
    fork_message(
        "ReorgParameter",
        fork_optional("stride", UINT32),
        fork_optional("reverse", BOOL, False),
    ),
    fork_message(
        "ROIPoolingParameter",
        fork_optional("pooled_h", UINT32, 0),
        fork_optional("pooled_w", UINT32, 0),
        fork_optional("spatial_scale", FLOAT, 1),
    ),
    fork_message(
        "SegAccuracyParameter",
        fork_repeated("ignore_label", INT32),
        fork_repeated("output_label", INT32),
    ),
    fork_message(
        "ShuffleChannelParameter",
        fork_optional("group", UINT32, 1),
    ),
    fork_message(
        "SmoothL1LossParameter",
        fork_optional("sigma", FLOAT, 1),
    ),
    fork_message(
        "TripletLossParameter",
        fork_optional("margin", FLOAT, 1),
    ),
    fork_message(
        "UpsampleParameter",
        fork_optional("scale", UINT32, 2),
        fork_optional("scale_h", UINT32),
        fork_optional("scale_w", UINT32),
        fork_optional("pad_out_h", BOOL, False),
        fork_optional("pad_out_w", BOOL, False),
        fork_optional("upsample_h", UINT32),
        fork_optional("upsample_w", UINT32),
    ),
    fork_message(
        "YoloDetectionOutputParameter",
        fork_optional("side", UINT32, 13),
        fork_optional("num_classes", UINT32, 20),
        fork_optional("num_box", UINT32, 5),
        fork_optional("coords", UINT32, 4),
        fork_optional("confidence_threshold", FLOAT, 0.01),
        fork_optional("nms_threshold", FLOAT, 0.45),
        fork_repeated("biases", FLOAT),
        fork_optional("label_map_file", STRING),
    ),
)

FORK_MESSAGES: tuple[MessageSpec, ...] = SSD_MESSAGES + _OTHER_MESSAGES

FORK_FIELDS: dict[str, tuple[FieldSpec, ...]] = {
    "NetParameter": (fork_optional("engine", STRING),),
    "LayerParameter": (
        fork_optional("annotated_data_param", "AnnotatedDataParameter"),
        fork_optional("bn_param", "BNParameter"),
        fork_optional("box_annotator_ohem_param", "BoxAnnotatorOHEMParameter"),
        fork_optional("center_loss_param", "CenterLossParameter"),
        fork_optional("continuation_indicator_param", "ContinuationIndicatorParameter"),
        fork_optional("ctc_loss_param", "CTCLossParameter"),
        fork_optional("dense_image_data_param", "DenseImageDataParameter"),
        fork_optional("detection_evaluate_param", "DetectionEvaluateParameter"),
        fork_optional("detection_output_param", "DetectionOutputParameter"),
        fork_optional("engine", STRING),
        fork_optional("interp_param", "InterpParameter"),
        fork_optional("labelsequence_accuracy_param", "LabelSequenceAccuracyParameter"),
        fork_optional("margin_inner_product_param", "MarginInnerProductParameter"),
        fork_optional("multibox_loss_param", "MultiBoxLossParameter"),
        fork_optional("norm_param", "NormalizeParameter"),
        fork_optional("permute_param", "PermuteParameter"),
        fork_optional("prior_box_param", "PriorBoxParameter"),
        fork_optional("proposal_param", "ProposalParameter"),
        fork_optional("psroi_pooling_param", "PSROIPoolingParameter"),
        fork_optional("region_loss_param", "RegionLossParameter"),
        fork_optional("reorg_param", "ReorgParameter"),
        fork_optional("roi_pooling_param", "ROIPoolingParameter"),
        fork_optional("seg_accuracy_param", "SegAccuracyParameter"),
        fork_optional("shuffle_channel_param", "ShuffleChannelParameter"),
        fork_optional("smooth_l1_loss_param", "SmoothL1LossParameter"),
        fork_optional("triplet_loss_param", "TripletLossParameter"),
        fork_optional("upsample_param", "UpsampleParameter"),
        fork_optional("video_data_param", "VideoDataParameter"),
        fork_optional("yolo_detection_output_param", "YoloDetectionOutputParameter"),
    ),
    "BatchNormParameter": (
        fork_optional("scale_bias", BOOL, False),
        fork_optional("scale_filler", "FillerParameter"),
        fork_optional("bias_filler", "FillerParameter"),
        fork_optional("engine", _FORK_ENGINE, "DEFAULT"),
    ),
    "ConvolutionParameter": (
        fork_optional("hole", UINT32, 1),
        fork_optional("hole_h", UINT32, 1),
        fork_optional("hole_w", UINT32, 1),
        fork_optional("cudnn_flavor", _CUDNN_FLAVOR, "MULTIPLE_HANDLES"),
        fork_optional("relu", BOOL, False),
        fork_optional("negative_slope", FLOAT, 0),
    ),
    "DataParameter": (
        fork_optional("shuffle", BOOL, False),
        fork_optional("cache", BOOL, False),
        fork_optional("threads", UINT32),
        fork_optional("parser_threads", UINT32),
    ),
    "DropoutParameter": (fork_optional("scale_train", BOOL, True),),
    "ImageDataParameter": (
        fork_optional("label_type", _LABEL_TYPE, "IMAGE"),
        fork_optional("ignore_label", INT32, 255),
    ),
    "MemoryDataParameter": (fork_repeated("dim", UINT32),),
    "PoolingParameter": (fork_optional("ceil_mode", BOOL, True),),
    "TransformationParameter": (
        fork_optional("crop_h", UINT32, 0),
        fork_optional("crop_w", UINT32, 0),
        fork_optional("resize_param", "ResizeParameter"),
        fork_optional("noise_param", "NoiseParameter"),
        fork_optional("distort_param", "DistortionParameter"),
        fork_optional("expand_param", "ExpansionParameter"),
        fork_optional("emit_constraint", "EmitConstraint"),
        fork_repeated("scale_factors", FLOAT),
        fork_repeated("rand_resize", FLOAT),
        fork_repeated("rand_rotate", FLOAT),
        fork_repeated("rand_aspect_ratio", FLOAT),
        fork_optional("gaussian_blur", BOOL, False),
    ),
}
"""Message of BVLC Caffe -> the fields that forks added to it."""
