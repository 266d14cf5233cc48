"""The operations of `keras.ops` that Keras 3 writes as nodes, and the TensorFlow functions tf.keras writes
for them.

A node of Keras 3 is `{"module": "keras.src.ops.numpy", "class_name": "Add", "config": {"name"},
"inbound_nodes": [{"args": [tensor, tensor or constant], "kwargs": {}}]}`: tensors are in the call, everything
else is in the config. `keras.models.model_from_json` loads such nodes without custom objects, and in safe
mode.

A node of tf.keras is a TFOpLambda layer whose config names a public TensorFlow function; everything but the
function's first argument is in the keyword arguments of the call. One row here serves both directions.

Operations whose meaning lies in how the arguments are combined (slices, splits, paddings) are in
`operations_special`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from transpiler.dialects.keras.naming import OPERATIONS_PACKAGE


class Option(msgspec.Struct, frozen=True):
    """A constant argument: its name in the config of the Keras operation, and in the call of the TensorFlow
    function.
    """

    keras: str
    tensorflow: str
    keras_default: Any = None
    tensorflow_default: Any = None
    is_required: bool = False
    is_list: bool = False
    """Whether TensorFlow insists on a list where Keras takes a single number too."""


class OperationRow(msgspec.Struct, frozen=True):
    """An operation of Keras 3 and the TensorFlow function that does the same."""

    class_name: str
    module: str
    """The module below `keras.src.ops`."""
    functions: tuple[str, ...]
    """The function's public names: the first is written, all are read."""
    operands: tuple[str, ...] = ("x",)
    """The names of the tensors as TensorFlow has them, in the order of Keras's positional arguments."""
    options: tuple[Option, ...] = ()
    is_variadic: bool = False
    """Whether the first operand is a list of tensors."""
    fixed: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Arguments of the function that Keras has no word for, and the value that Keras's meaning amounts to."""
    implied: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Arguments of the function that must be written, because its own default is not Keras's meaning."""

    @property
    def full_module(self) -> str:
        """Where Keras 3 finds the class."""
        return f"{OPERATIONS_PACKAGE}.{self.module}"


def _unary(class_name: str, *functions: str, module: str = "numpy") -> OperationRow:
    return OperationRow(class_name, module, functions)


def _binary(class_name: str, *functions: str, second: str = "y") -> OperationRow:
    return OperationRow(class_name, "numpy", functions, ("x", second))


def _reduction(class_name: str, function: str, module: str = "numpy") -> OperationRow:
    options = (Option("axis", "axis"), Option("keepdims", "keepdims", False, False))
    return OperationRow(
        class_name, module, (function, f"compat.v1.{function.rsplit('.', maxsplit=1)[-1]}"), ("x",), options
    )


def _with_axis(class_name: str, function: str, *, module: str = "numpy", default: int = -1) -> OperationRow:
    return OperationRow(class_name, module, (function,), ("x",), (Option("axis", "axis", default, default),))


def _extremum_index(class_name: str, function: str) -> OperationRow:
    # Keras counts in int32. Without an axis it flattens, TensorFlow takes axis 0.
    axis = Option("axis", "axis", None, 0, is_required=True)
    return OperationRow(class_name, "numpy", (function,), ("x",), (axis,), implied={"output_type": "int32"})


OPERATION_ROWS: Final[tuple[OperationRow, ...]] = (
    _binary("Add", "math.add", "__operators__.add"),
    _binary("Subtract", "math.subtract"),
    _binary("Multiply", "math.multiply"),
    _binary("TrueDivide", "math.truediv", "math.divide", "compat.v1.div"),
    _binary("Divide", "math.divide"),
    _binary("FloorDivide", "math.floordiv"),
    _binary("Mod", "math.floormod"),
    _binary("Power", "math.pow"),
    _binary("Maximum", "math.maximum"),
    _binary("Minimum", "math.minimum"),
    _binary("Greater", "math.greater"),
    _binary("GreaterEqual", "math.greater_equal"),
    _binary("Less", "math.less"),
    _binary("LessEqual", "math.less_equal"),
    _binary("Equal", "math.equal", "__operators__.eq"),
    _binary("NotEqual", "math.not_equal", "__operators__.ne"),
    _binary("LogicalAnd", "math.logical_and"),
    _binary("LogicalOr", "math.logical_or"),
    _binary("Arctan2", "math.atan2"),
    _binary("DivideNoNan", "math.divide_no_nan"),
    _unary("Absolute", "math.abs"),
    _unary("Negative", "math.negative"),
    _unary("Sign", "math.sign"),
    _unary("Square", "math.square"),
    _unary("Sqrt", "math.sqrt"),
    _unary("Rsqrt", "math.rsqrt", module="math"),
    _unary("Reciprocal", "math.reciprocal"),
    _unary("Exp", "math.exp"),
    _unary("Expm1", "math.expm1"),
    _unary("Log", "math.log"),
    _unary("Log1p", "math.log1p"),
    _unary("Floor", "math.floor"),
    _unary("Ceil", "math.ceil"),
    _unary("Sin", "math.sin"),
    _unary("Cos", "math.cos"),
    _unary("Tan", "math.tan"),
    _unary("Arcsin", "math.asin"),
    _unary("Arccos", "math.acos"),
    _unary("Arctan", "math.atan"),
    _unary("Sinh", "math.sinh"),
    _unary("Cosh", "math.cosh"),
    _unary("Tanh", "math.tanh"),
    _unary("Erf", "math.erf", module="math"),
    _unary("LogicalNot", "math.logical_not"),
    _unary("Isnan", "math.is_nan"),
    _unary("Isfinite", "math.is_finite"),
    OperationRow("ZerosLike", "numpy", ("zeros_like", "compat.v1.zeros_like"), fixed={"optimize": True},
                 options=(Option("dtype", "dtype"),)),
    OperationRow("OnesLike", "numpy", ("ones_like", "compat.v1.ones_like"), fixed={"optimize": True},
                 options=(Option("dtype", "dtype"),)),
    _reduction("Sum", "math.reduce_sum"),
    _reduction("Mean", "math.reduce_mean"),
    _reduction("Max", "math.reduce_max"),
    _reduction("Min", "math.reduce_min"),
    _reduction("Prod", "math.reduce_prod"),
    _reduction("All", "math.reduce_all"),
    _reduction("Any", "math.reduce_any"),
    _reduction("Var", "math.reduce_variance"),
    _reduction("Std", "math.reduce_std"),
    _reduction("Logsumexp", "math.reduce_logsumexp", module="math"),
    _extremum_index("Argmax", "math.argmax"),
    _extremum_index("Argmin", "math.argmin"),
    OperationRow("TopK", "math", ("math.top_k",), options=(
        Option("k", "k", is_required=True, tensorflow_default=1), Option("sorted", "sorted", True, True),
    )),
    OperationRow("Transpose", "numpy", ("transpose", "compat.v1.transpose"), fixed={"conjugate": False},
                 options=(Option("axes", "perm"),)),
    OperationRow("Reshape", "numpy", ("reshape",), options=(Option("newshape", "shape", is_required=True),)),
    OperationRow("BroadcastTo", "numpy", ("broadcast_to",), options=(Option("shape", "shape", is_required=True),)),
    OperationRow("ExpandDims", "numpy", ("expand_dims", "compat.v1.expand_dims"),
                 options=(Option("axis", "axis", is_required=True),)),
    OperationRow("Squeeze", "numpy", ("squeeze", "compat.v1.squeeze"), options=(Option("axis", "axis"),)),
    OperationRow("Concatenate", "numpy", ("concat",), options=(Option("axis", "axis", 0, is_required=True),),
                 is_variadic=True),
    OperationRow("Stack", "numpy", ("stack",), options=(Option("axis", "axis", 0, 0),), is_variadic=True),
    OperationRow("Unstack", "core", ("unstack",), options=(Option("num", "num"), Option("axis", "axis", 0, 0))),
    OperationRow("Tile", "numpy", ("tile",), options=(Option("repeats", "multiples", is_required=True),)),
    OperationRow("Repeat", "numpy", ("repeat",), options=(
        Option("repeats", "repeats", is_required=True), Option("axis", "axis"),
    )),
    OperationRow("Flip", "numpy", ("reverse",), options=(Option("axis", "axis", is_required=True, is_list=True),)),
    OperationRow("Roll", "numpy", ("roll",), options=(
        Option("shift", "shift", is_required=True), Option("axis", "axis", is_required=True),
    )),
    OperationRow("Cumsum", "numpy", ("math.cumsum",), fixed={"exclusive": False, "reverse": False},
                 options=(Option("axis", "axis", None, 0, is_required=True),)),
    OperationRow("Clip", "numpy", ("clip_by_value",), options=(
        Option("x_min", "clip_value_min", is_required=True), Option("x_max", "clip_value_max", is_required=True),
    )),
    OperationRow("Cast", "core", ("cast",), options=(Option("dtype", "dtype", is_required=True),)),
    OperationRow("StopGradient", "core", ("stop_gradient",)),
    OperationRow("Where", "numpy", ("where", "compat.v1.where"), ("condition", "x", "y")),
    OperationRow("Matmul", "numpy", ("linalg.matmul",), ("a", "b"), fixed={
        "transpose_a": False, "transpose_b": False, "adjoint_a": False, "adjoint_b": False, "a_is_sparse": False,
        "b_is_sparse": False, "output_type": None, "grad_a": False, "grad_b": False,
    }),
    OperationRow("Take", "numpy", ("gather", "compat.v1.gather"), ("params", "indices"), fixed={
        "validate_indices": None, "batch_dims": 0,
    }, options=(Option("axis", "axis", None, None, is_required=True),)),
    OperationRow("OneHot", "nn", ("one_hot",), fixed={"on_value": None, "off_value": None}, options=(
        Option("num_classes", "depth", is_required=True), Option("axis", "axis", -1), Option("dtype", "dtype"),
    )),
    OperationRow("Moments", "nn", ("nn.moments", "compat.v1.nn.moments"), fixed={"shift": None}, options=(
        Option("axes", "axes", is_required=True), Option("keepdims", "keepdims", False, False),
    )),
    OperationRow("Relu", "nn", ("nn.relu",)),
    OperationRow("Relu6", "nn", ("nn.relu6",)),
    OperationRow("Selu", "nn", ("nn.selu",)),
    OperationRow("Sigmoid", "nn", ("math.sigmoid",)),
    OperationRow("LogSigmoid", "nn", ("math.log_sigmoid",)),
    OperationRow("Softplus", "nn", ("math.softplus",)),
    OperationRow("Softsign", "nn", ("nn.softsign",)),
    OperationRow("Silu", "nn", ("nn.silu",), fixed={"beta": 1.0}),
    OperationRow("LeakyRelu", "nn", ("nn.leaky_relu",), options=(Option("negative_slope", "alpha", 0.2, 0.2),)),
    OperationRow("Gelu", "nn", ("nn.gelu",), options=(Option("approximate", "approximate", True, False),)),
    _with_axis("Softmax", "nn.softmax", module="nn"),
    _with_axis("LogSoftmax", "nn.log_softmax", module="nn"),
    OperationRow("DepthToSpace", "nn", ("nn.depth_to_space",), options=(
        Option("block_size", "block_size", is_required=True),
        Option("data_format", "data_format", "channels_last", "channels_last"),
    )),
    OperationRow("SpaceToDepth", "nn", ("nn.space_to_depth",), options=(
        Option("block_size", "block_size", is_required=True),
        Option("data_format", "data_format", "channels_last", "channels_last"),
    )),
)  # fmt: skip

ROW_BY_CLASS: Final[Mapping[str, OperationRow]] = {
    **{row.class_name: row for row in OPERATION_ROWS},
    **{alias: row for alias, name in {"Abs": "Absolute", "Amax": "Max", "Amin": "Min"}.items()
       for row in OPERATION_ROWS if row.class_name == name},
}  # fmt: skip
"""The row of an operation of Keras 3."""

ROW_BY_FUNCTION: Final[Mapping[str, OperationRow]] = {
    function: row for row in reversed(OPERATION_ROWS) for function in row.functions
}
"""The row of a TensorFlow function; where two rows have it, the earlier one."""

DATA_FORMATS: Final[Mapping[str, str]] = {"NHWC": "channels_last", "NCHW": "channels_first"}
"""What TensorFlow calls the orders of dimensions."""
