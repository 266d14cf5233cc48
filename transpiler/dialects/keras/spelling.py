"""How Keras writes the values that many layers share, as readers and writers of row links.

Readers take what a config holds and raise ValueError for what cannot be meant; writers give what Keras writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from transpiler.dialects.rows import FieldError, Link, Native, Refusal, Row
from transpiler.ir import Node
from transpiler.ir.op import REQUIRED
from transpiler.ir.types import DType
from transpiler.ops.fields import to_int
from transpiler.ops.spatial import DataFormat
from transpiler.ops.windows import Explicit, Padding, Same, SameSide, Valid

CALL: Final = "call"
"""Config key under which rows see what a layer was called on, where that is not simply its operands (see `calls`)."""
RANKS: Final = "ranks"
"""Config key under which rows see how many axes each operand has, where some row needs it."""
SYNTHETIC: Final = (CALL, RANKS)
"""Keys that rows see but no file holds."""

DTYPES: Final[Mapping[str, DType]] = {
    "float32": DType.FLOAT32, "float16": DType.FLOAT16, "bfloat16": DType.BFLOAT16, "float64": DType.FLOAT64,
    "int8": DType.INT8, "int16": DType.INT16, "int32": DType.INT32, "int64": DType.INT64, "uint8": DType.UINT8,
    "bool": DType.BOOL, "string": DType.STRING,
}  # fmt: skip
DTYPE_NAMES: Final[Mapping[DType, str]] = {dtype: name for name, dtype in DTYPES.items()}


class KerasRow(Row, frozen=True, eq=False, dict=True):
    """A row that may also choose by what a config holds, not only by fixed values."""

    when: Callable[[Native], bool] | None = None

    def matches(self, native: Native) -> bool:
        """Whether the discriminating fields have this row's values, and `when` agrees."""
        return Row.matches(self, native) and (self.when is None or self.when(native))

    def write(self, node: Node) -> Native | Refusal:
        """As every row; refused is also what this row would not read, but another."""
        made = Row.write(self, node)
        if isinstance(made, Refusal) or self.write_only or self.matches(made):
            return made
        return Refusal(f"{self.native} cannot say this {node.op.name}")


def required_link(
    field: str,
    native: str,
    read: Callable[[Any], Any] | None = None,
    write: Callable[[Any], Any] | None = None,
) -> Link:
    """A link of a native field that has no default."""
    return Link(field, native, REQUIRED, read, write)


def with_fields(fields: Mapping[str, Any]) -> Callable[[Native], Mapping[str, Any]]:
    """A row's `get` that gives op fields which the native type implies."""

    def get(native: Native) -> Mapping[str, Any]:
        return fields

    return get


def read_dtype(value: Any) -> DType:
    """An element type from its name; none means float32."""
    name = "float32" if value is None else value
    if not isinstance(name, str) or name not in DTYPES:
        raise ValueError(f"{value!r} is no element type that can be read")
    return DTYPES[name]


def per_axis(rank: int) -> Callable[[Any], tuple[int, ...]]:
    """A reader of one number for each of `rank` axes; a single number serves all."""

    def read(value: Any) -> tuple[int, ...]:
        if isinstance(value, (list, tuple)):
            numbers = tuple(to_int(item) for item in value)
            if len(numbers) != rank:
                raise ValueError(f"{list(numbers)} should be {rank} number{'s' if rank > 1 else ''}")
            return numbers
        return (to_int(value),) * rank

    return read


def read_pairs(rank: int) -> Callable[[Any], tuple[tuple[int, int], ...]]:
    """A reader of (before, after) for each axis: one number for all ends, one an axis, or pairs."""

    def read(value: Any) -> tuple[tuple[int, int], ...]:
        if not isinstance(value, (list, tuple)):
            return ((to_int(value),) * 2,) * rank
        if rank == 1 and len(value) == 2 and not isinstance(value[0], (list, tuple)):
            return ((to_int(value[0]), to_int(value[1])),)
        if len(value) != rank:
            raise ValueError(f"{value!r} should have one entry for each of {rank} axes")
        return tuple(_pair(item) for item in value)

    return read


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise ValueError(f"{value!r} is no pair")
        return to_int(value[0]), to_int(value[1])
    return to_int(value), to_int(value)


def write_pairs(value: tuple[tuple[int, int], ...]) -> Any:
    """Pairs as Keras writes them: for one axis the pair itself."""
    return [list(pair) for pair in value] if len(value) != 1 else list(value[0])


def read_axes(value: Any) -> tuple[int, ...]:
    """One or several axes."""
    return tuple(to_int(item) for item in value) if isinstance(value, (list, tuple)) else (to_int(value),)


def write_axes(value: tuple[int, ...]) -> Any:
    """A single axis as a number."""
    return value[0] if len(value) == 1 else list(value)


def data_format() -> Link:
    """The link of the order of dimensions; absent means channels last."""
    return Link(
        "data_format",
        "data_format",
        default=DataFormat.CHANNELS_LAST.value,
        read=lambda value: DataFormat.CHANNELS_LAST if value is None else DataFormat(value),
        write=lambda value: value.value,
    )


def read_padding(value: Any) -> Padding:
    """Padding of layers that know `valid` and `same` only."""
    match value:
        case "valid":
            return Valid()
        case "same":
            return Same()
        case _:
            raise ValueError(f"padding is {value!r}, which is neither 'valid' nor 'same'")


def write_padding(padding: Padding) -> str | None:
    """`valid` or `same`, None for any other padding."""
    match padding:
        case Valid():
            return "valid"
        case Same(side=SameSide.UPPER):
            return "same"
        case _:
            return None


def padding_text(padding: Padding) -> str:
    """Padding in words, for refusals."""
    if isinstance(padding, Explicit):
        return f"by {', '.join(f'{before} and {after}' for before, after in padding.pads)}"
    return "as SAME with the odd element first"


def required(native: Native, key: str) -> Any:
    """A field that must be there; raises FieldError."""
    if key not in native.config:
        raise FieldError("", f"the required field {key} is missing")
    return native.config[key]


def checked(field: str, read: Callable[[Any], Any], value: Any) -> Any:
    """What `read` makes of a field's value; its ValueError becomes a FieldError at the field."""
    try:
        return read(value)
    except (ValueError, TypeError) as error:
        raise FieldError(field, str(error)) from error
