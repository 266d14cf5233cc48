"""What the SSD fork of Caffe added: detection layers, annotated data, and the augmentation of images.

Some fields are of the forks that grew out of it. `schema_forks` says how these tables are used.
"""

from __future__ import annotations

from transpiler.dialects.caffe.schema_types import (
    BOOL,
    FLOAT,
    INT32,
    STRING,
    UINT32,
    MessageSpec,
    enumeration,
    fork_message,
    fork_optional,
    fork_repeated,
)

__all__ = ["SSD_MESSAGES"]

_EMIT_TYPE = enumeration("EmitConstraint.EmitType", "CENTER", "MIN_OVERLAP")
_ANNOTATION_TYPE = enumeration("AnnotatedDatum.AnnotationType", "BBOX")
_RESIZE_MODE = enumeration(
    "ResizeParameter.Resize_mode", "WARP", "FIT_SMALL_SIZE", "FIT_LARGE_SIZE_AND_PAD", start=1
)
_PAD_MODE = enumeration("ResizeParameter.Pad_mode", "CONSTANT", "MIRRORED", "REPEAT_NEAREST", start=1)
_INTERP_MODE = enumeration(
    "ResizeParameter.Interp_mode", "LINEAR", "AREA", "NEAREST", "CUBIC", "LANCZOS4", start=1
)
_CODE_TYPE = enumeration("PriorBoxParameter.CodeType", "CORNER", "CENTER_SIZE", "CORNER_SIZE", start=1)
_LOC_LOSS = enumeration("MultiBoxLossParameter.LocLossType", "L2", "SMOOTH_L1")
_CONF_LOSS = enumeration("MultiBoxLossParameter.ConfLossType", "SOFTMAX", "LOGISTIC")
_MATCH_TYPE = enumeration("MultiBoxLossParameter.MatchType", "BIPARTITE", "PER_PREDICTION")
_MINING_TYPE = enumeration("MultiBoxLossParameter.MiningType", "NONE", "MAX_NEGATIVE", "HARD_EXAMPLE")
_VIDEO_TYPE = enumeration("VideoDataParameter.VideoType", "WEBCAM", "VIDEO")

SSD_MESSAGES: tuple[MessageSpec, ...] = (
    fork_message(
        "Sampler",
        fork_optional("min_scale", FLOAT, 1),
        fork_optional("max_scale", FLOAT, 1),
        fork_optional("min_aspect_ratio", FLOAT, 1),
        fork_optional("max_aspect_ratio", FLOAT, 1),
    ),
    fork_message(
        "SampleConstraint",
        fork_optional("min_jaccard_overlap", FLOAT),
        fork_optional("max_jaccard_overlap", FLOAT),
        fork_optional("min_sample_coverage", FLOAT),
        fork_optional("max_sample_coverage", FLOAT),
        fork_optional("min_object_coverage", FLOAT),
        fork_optional("max_object_coverage", FLOAT),
    ),
    fork_message(
        "BatchSampler",
        fork_optional("use_original_image", BOOL, True),
        fork_optional("sampler", "Sampler"),
        fork_optional("sample_constraint", "SampleConstraint"),
        fork_optional("max_sample", UINT32),
        fork_optional("max_trials", UINT32, 100),
    ),
    fork_message(
        "AnnotatedDataParameter",
        fork_repeated("batch_sampler", "BatchSampler"),
        fork_optional("label_map_file", STRING),
        fork_optional("anno_type", _ANNOTATION_TYPE),
    ),
    fork_message(
        "EmitConstraint",
        fork_optional("emit_type", _EMIT_TYPE, "CENTER"),
        fork_optional("emit_overlap", FLOAT),
    ),
    fork_message(
        "ResizeParameter",
        fork_optional("prob", FLOAT, 1),
        fork_optional("resize_mode", _RESIZE_MODE, "WARP"),
        fork_optional("height", UINT32, 0),
        fork_optional("width", UINT32, 0),
        fork_optional("height_scale", UINT32, 0),
        fork_optional("width_scale", UINT32, 0),
        fork_optional("pad_mode", _PAD_MODE, "CONSTANT"),
        fork_repeated("pad_value", FLOAT),
        fork_repeated("interp_mode", _INTERP_MODE),
    ),
    fork_message(
        "SaltPepperParameter",
        fork_optional("fraction", FLOAT, 0),
        fork_repeated("value", FLOAT),
    ),
    fork_message(
        "NoiseParameter",
        fork_optional("all_effects", BOOL),
        fork_optional("prob", FLOAT, 0),
        fork_optional("hist_eq", BOOL, False),
        fork_optional("inverse", BOOL, False),
        fork_optional("decolorize", BOOL, False),
        fork_optional("gauss_blur", BOOL, False),
        fork_optional("jpeg", FLOAT, -1),
        fork_optional("posterize", BOOL, False),
        fork_optional("erode", BOOL, False),
        fork_optional("saltpepper", BOOL, False),
        fork_optional("saltpepper_param", "SaltPepperParameter"),
        fork_optional("clahe", BOOL, False),
        fork_optional("convert_to_hsv", BOOL, False),
        fork_optional("convert_to_lab", BOOL, False),
    ),
    fork_message(
        "DistortionParameter",
        fork_optional("all_effects", BOOL),
        fork_optional("prob", FLOAT),
        fork_optional("brightness", BOOL),
        fork_optional("brightness_prob", FLOAT, 0),
        fork_optional("brightness_delta", FLOAT, 0),
        fork_optional("contrast", BOOL),
        fork_optional("contrast_prob", FLOAT, 0),
        fork_optional("contrast_lower", FLOAT, 0),
        fork_optional("contrast_upper", FLOAT, 0),
        fork_optional("hue", BOOL),
        fork_optional("hue_prob", FLOAT, 0),
        fork_optional("hue_delta", FLOAT, 0),
        fork_optional("saturation", BOOL),
        fork_optional("saturation_prob", FLOAT, 0),
        fork_optional("saturation_lower", FLOAT, 0),
        fork_optional("saturation_upper", FLOAT, 0),
        fork_optional("random_order", BOOL),
        fork_optional("random_order_prob", FLOAT, 0),
    ),
    fork_message(
        "ExpansionParameter",
        fork_optional("prob", FLOAT, 1),
        fork_optional("max_expand_ratio", FLOAT, 1),
    ),
    fork_message(
        "DetectionEvaluateParameter",
        fork_optional("num_classes", UINT32),
        fork_optional("background_label_id", UINT32, 0),
        fork_optional("overlap_threshold", FLOAT, 0.5),
        fork_optional("evaluate_difficult_gt", BOOL, True),
        fork_optional("name_size_file", STRING),
        fork_optional("resize_param", "ResizeParameter"),
    ),
    fork_message(
        "NonMaximumSuppressionParameter",
        fork_optional("nms_threshold", FLOAT, 0.3),
        fork_optional("top_k", INT32),
        fork_optional("eta", FLOAT, 1),
        fork_optional("soft_nms", BOOL),
        fork_optional("theta", FLOAT),
    ),
    fork_message(
        "SaveOutputParameter",
        fork_optional("output_directory", STRING),
        fork_optional("output_name_prefix", STRING),
        fork_optional("output_format", STRING),
        fork_optional("label_map_file", STRING),
        fork_optional("name_size_file", STRING),
        fork_optional("num_test_image", UINT32),
        fork_optional("resize_param", "ResizeParameter"),
    ),
    fork_message(
        "DetectionOutputParameter",
        fork_optional("num_classes", UINT32),
        fork_optional("share_location", BOOL, True),
        fork_optional("background_label_id", INT32, 0),
        fork_optional("nms_param", "NonMaximumSuppressionParameter"),
        fork_optional("save_output_param", "SaveOutputParameter"),
        fork_optional("code_type", _CODE_TYPE, "CORNER"),
        fork_optional("variance_encoded_in_target", BOOL, False),
        fork_optional("keep_top_k", INT32, -1),
        fork_optional("confidence_threshold", FLOAT),
        fork_optional("visualize", BOOL, False),
        fork_optional("visualize_threshold", FLOAT),
        fork_optional("save_file", STRING),
        fork_optional("objectness_score", FLOAT),
    ),
    fork_message(
        "MultiBoxLossParameter",
        fork_optional("loc_loss_type", _LOC_LOSS, "SMOOTH_L1"),
        fork_optional("conf_loss_type", _CONF_LOSS, "SOFTMAX"),
        fork_optional("loc_weight", FLOAT, 1),
        fork_optional("num_classes", UINT32),
        fork_optional("share_location", BOOL, True),
        fork_optional("match_type", _MATCH_TYPE, "PER_PREDICTION"),
        fork_optional("overlap_threshold", FLOAT, 0.5),
        fork_optional("use_prior_for_matching", BOOL, True),
        fork_optional("background_label_id", UINT32, 0),
        fork_optional("use_difficult_gt", BOOL, True),
        fork_optional("do_neg_mining", BOOL),
        fork_optional("neg_pos_ratio", FLOAT, 3),
        fork_optional("neg_overlap", FLOAT, 0.5),
        fork_optional("code_type", _CODE_TYPE, "CORNER"),
        fork_optional("encode_variance_in_target", BOOL, False),
        fork_optional("map_object_to_agnostic", BOOL, False),
        fork_optional("ignore_cross_boundary_bbox", BOOL, False),
        fork_optional("bp_inside", BOOL, False),
        fork_optional("mining_type", _MINING_TYPE, "MAX_NEGATIVE"),
        fork_optional("nms_param", "NonMaximumSuppressionParameter"),
        fork_optional("sample_size", INT32, 64),
        fork_optional("use_prior_for_nms", BOOL, False),
        fork_optional("objectness_score", FLOAT),
    ),
    fork_message(
        "NormalizeParameter",
        fork_optional("across_spatial", BOOL, True),
        fork_optional("scale_filler", "FillerParameter"),
        fork_optional("channel_shared", BOOL, True),
        fork_optional("eps", FLOAT, 1e-10),
    ),
    fork_message(
        "PermuteParameter",
        fork_repeated("order", UINT32),
    ),
    fork_message(
        "PriorBoxParameter",
        fork_repeated("min_size", FLOAT),
        fork_repeated("max_size", FLOAT),
        fork_repeated("aspect_ratio", FLOAT),
        fork_optional("flip", BOOL, True),
        fork_optional("clip", BOOL, False),
        fork_repeated("variance", FLOAT),
        fork_optional("img_size", UINT32),
        fork_optional("img_h", UINT32),
        fork_optional("img_w", UINT32),
        fork_optional("step", FLOAT),
        fork_optional("step_h", FLOAT),
        fork_optional("step_w", FLOAT),
        fork_optional("offset", FLOAT, 0.5),
    ),
    fork_message(
        "VideoDataParameter",
        fork_optional("video_type", _VIDEO_TYPE, "WEBCAM"),
        fork_optional("device_id", INT32, 0),
        fork_optional("video_file", STRING),
        fork_optional("skip_frames", UINT32, 0),
    ),
)
