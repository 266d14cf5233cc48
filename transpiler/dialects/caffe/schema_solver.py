"""The solver's messages. A solver file is not a net; this schema serves to recognize one."""

from __future__ import annotations

from transpiler.dialects.caffe.schema_types import (
    BOOL,
    FLOAT,
    INT32,
    INT64,
    STRING,
    MessageSpec,
    enumeration,
    message,
    optional,
    repeated,
)

__all__ = ["SOLVER_MESSAGES"]

_SNAPSHOT_FORMAT = enumeration("SolverParameter.SnapshotFormat", "HDF5", "BINARYPROTO")
_SOLVER_MODE = enumeration("SolverParameter.SolverMode", "CPU", "GPU")
_SOLVER_TYPE = enumeration(
    "SolverParameter.SolverType", "SGD", "NESTEROV", "ADAGRAD", "RMSPROP", "ADADELTA", "ADAM"
)

SOLVER_MESSAGES: tuple[MessageSpec, ...] = (
    message(
        "SolverParameter",
        optional("net", 24, STRING),
        optional("net_param", 25, "NetParameter"),
        optional("train_net", 1, STRING),
        repeated("test_net", 2, STRING),
        optional("train_net_param", 21, "NetParameter"),
        repeated("test_net_param", 22, "NetParameter"),
        optional("train_state", 26, "NetState"),
        repeated("test_state", 27, "NetState"),
        repeated("test_iter", 3, INT32),
        optional("test_interval", 4, INT32, 0),
        optional("test_compute_loss", 19, BOOL, False),
        optional("test_initialization", 32, BOOL, True),
        optional("base_lr", 5, FLOAT),
        optional("display", 6, INT32),
        optional("average_loss", 33, INT32, 1),
        optional("max_iter", 7, INT32),
        optional("iter_size", 36, INT32, 1),
        optional("lr_policy", 8, STRING),
        optional("gamma", 9, FLOAT),
        optional("power", 10, FLOAT),
        optional("momentum", 11, FLOAT),
        optional("weight_decay", 12, FLOAT),
        optional("regularization_type", 29, STRING, "L2"),
        optional("stepsize", 13, INT32),
        repeated("stepvalue", 34, INT32),
        optional("clip_gradients", 35, FLOAT, -1),
        optional("snapshot", 14, INT32, 0),
        optional("snapshot_prefix", 15, STRING),
        optional("snapshot_diff", 16, BOOL, False),
        optional("snapshot_format", 37, _SNAPSHOT_FORMAT, "BINARYPROTO"),
        optional("solver_mode", 17, _SOLVER_MODE, "GPU"),
        optional("device_id", 18, INT32, 0),
        optional("random_seed", 20, INT64, -1),
        optional("type", 40, STRING, "SGD"),
        optional("delta", 31, FLOAT, 1e-8),
        optional("momentum2", 39, FLOAT, 0.999),
        optional("rms_decay", 38, FLOAT, 0.99),
        optional("debug_info", 23, BOOL, False),
        optional("snapshot_after_train", 28, BOOL, True),
        optional("solver_type", 30, _SOLVER_TYPE, "SGD", deprecated=True),
        optional("layer_wise_reduce", 41, BOOL, True),
        repeated("weights", 42, STRING),
    ),
    message(
        "SolverState",
        optional("iter", 1, INT32),
        optional("learned_net", 2, STRING),
        repeated("history", 3, "BlobProto"),
        optional("current_step", 4, INT32, 0),
    ),
)
