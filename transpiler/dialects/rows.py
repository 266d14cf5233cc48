"""How a framework spells ops: rows that read both ways.

A row joins one native layer type and one op. `read` fills the framework's own defaults, `write` omits them. What
plain links of fields cannot say is said by two named functions of the row. A node is legal for a framework if and only
if some row writes it, so legality and emission cannot drift apart. Laws, tested for every row with generated ops:
`read(write(op)) == op`, and `write(read(native))` equals `native` up to defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Self, TypeAlias
from weakref import WeakKeyDictionary

import msgspec

from transpiler.ir import Node, Op, ParamUse
from transpiler.ir.attributes import Attr, exactly, same
from transpiler.ir.inference import infer_params, types_of
from transpiler.ir.op import REQUIRED, fields_of
from transpiler.ir.text.encode import encode

MOST_REMEMBERED: Final = 4096
"""A row forgets the ops that it read when it has read this many different ones."""


class FieldError(ValueError):
    """A native field whose value cannot be meant. `field` names it ("" when it is the layer as a whole)."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Refusal(msgspec.Struct, frozen=True):
    """Why a node has no exact form in a framework, and what would help."""

    reason: str
    help: str | None = None


class Native(msgspec.Struct, frozen=True):
    """A layer as its framework spells it, without its place in a graph. `config` is plain data."""

    type: str
    config: Mapping[str, Attr]
    operands: int = 1
    results: int = 1


class Link(msgspec.Struct, frozen=True, eq=False, dict=True):
    """One op field spelled by one native field. `read` and `write` convert the value; both see plain data.

    `always`: the default is written too, because the framework's own loader insists on the field.
    """

    field: str
    native: str
    default: Any = REQUIRED
    read: Callable[[Any], Any] | None = None
    write: Callable[[Any], Any] | None = None
    always: bool = False

    def to_op(self, config: Mapping[str, Attr]) -> Any:
        """The op field's raw value. Raises FieldError when a required field is absent or its value makes no sense."""
        if self.native in config:
            value: Any = config[self.native]
        elif self.default is REQUIRED:
            raise FieldError("", f"the required field {self.native} is missing")
        else:
            value = self.default
        if self.read is None:
            return value
        try:
            return self.read(value)
        except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
            raise FieldError(self.native, str(error)) from error

    def to_native(self, value: Any) -> Attr:
        return self.write(value) if self.write else plain(value)

    @cached_property
    def is_always_written(self) -> bool:
        return self.always or self.default is REQUIRED

    @cached_property
    def plain_default(self) -> Attr:
        """The default as writing gives values."""
        return plain(self.default)


class Array(msgspec.Struct, frozen=True):
    """One learned array in the framework's own order: which role, and how its axes lie natively.

    `axes[i]` is the canonical axis that is native axis i; None: as in the canonical order. `shape`: the canonical
    array is viewed with this shape first (-1 as in numpy) and then transposed.
    """

    role: str
    axes: tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None


class ArrayUse(msgspec.Struct, frozen=True):
    """A learned array where it is to be written: whose numbers, how they lie, and their canonical shape."""

    use: ParamUse
    spelling: Array
    shape: tuple[int, ...]


class Row(msgspec.Struct, frozen=True, eq=False, dict=True):
    """One native type and one op, both ways.

    links: fields that correspond one to one. `fixed`: native fields that must have these values for the row to
    read (absent counts as `fixed_default`), and are written so. `get(native)` gives further op fields from the native
    fields named in `reads`; `put(node)` gives those native fields or a Refusal. `guard(node)` is an extra condition
    for writing.
    `roles` lists learned arrays in native order; None: the op's own roles, canonical. `write_only` / `read_only` rows
    serve one direction (an old name, an equivalent spelling that reading never prefers).
    """

    native: str
    op: type[Op]
    links: tuple[Link, ...] = ()
    fixed: Mapping[str, Attr] = msgspec.field(default_factory=dict)
    fixed_default: Mapping[str, Attr] = msgspec.field(default_factory=dict)
    reads: tuple[str, ...] = ()
    get: Callable[[Native], Mapping[str, Any]] | None = None
    put: Callable[[Node], Mapping[str, Attr] | Refusal] | None = None
    guard: Callable[[Node], Refusal | None] | None = None
    roles: Callable[[Op, Mapping[str, Attr]], tuple[Array, ...]] | None = None
    read_only: bool = False
    write_only: bool = False
    _ops: dict[object, Op] = msgspec.field(default_factory=dict)
    """What was read, by the exact content read: networks repeat themselves, and ops never change."""

    @cached_property
    def consumed(self) -> frozenset[str]:
        """The native fields that reading understands; the others are extras."""
        return frozenset((*(link.native for link in self.links), *self.fixed, *self.reads))

    def matches(self, native: Native) -> bool:
        """Whether the discriminating fields have this row's values."""
        config = native.config
        return all(
            same(config.get(key, self.fixed_default.get(key)), value) for key, value in self.fixed.items()
        )

    def read(self, native: Native) -> Op:
        """The op that a native layer means. Raises FieldError naming the native field at fault."""
        try:
            key = (native.operands, native.results, exactly(native.config))
        except TypeError:  # what a layer was called on is no plain data
            return self._read(native)
        op = self._ops.get(key)
        if op is None:
            if len(self._ops) >= MOST_REMEMBERED:
                self._ops.clear()
            op = self._ops[key] = self._read(native)
        return op

    def _read(self, native: Native) -> Op:
        values: dict[str, Any] = {}
        origin: dict[str, str] = {}
        for link in self.links:
            values[link.field] = link.to_op(native.config)
            origin[link.field] = link.native
        if self.get is not None:
            values.update(self.get(native))
        return construct(self.op, values, origin)

    def write(self, node: Node) -> Native | Refusal:
        """The native layer that means exactly this node, or why there is none."""
        if not isinstance(node.op, self.op):
            return Refusal(f"{node.op.name} is not {self.op.name}")
        refused = self.guard(node) if self.guard else None
        if refused:
            return refused
        config: dict[str, Attr] = dict(self.fixed)
        for link in self.links:
            value = link.to_native(getattr(node.op, link.field))
            if link.is_always_written or not same(value, link.plain_default):
                config[link.native] = value
        if self.put is not None:
            more = self.put(node)
            if isinstance(more, Refusal):
                return more
            config.update(more)
        native = Native(self.native, config, len(node.operands), len(node.results))
        return self._unless_lost(node, native)

    def _unless_lost(self, node: Node, native: Native) -> Native | Refusal:
        """A spelling that does not read back as the same op would change the network: it is refused."""
        if self.write_only:
            return native
        try:
            back = self.read(native)
        except (FieldError, ValueError) as error:
            return Refusal(f"{self.native} cannot say this {node.op.name}: {error}")
        if back is node.op or back == node.op:
            return native
        lost = [
            f.name
            for f in fields_of(node.op)
            if not _equal(getattr(back, f.name, None), getattr(node.op, f.name))
        ]
        said = ", ".join(f"{name} = {plain(getattr(node.op, name))}" for name in lost)
        return Refusal(f"{self.native} cannot say {said}")

    def arrays(self, op: Op, config: Mapping[str, Attr]) -> tuple[Array, ...]:
        """The learned arrays in the framework's own order."""
        return self.roles(op, config) if self.roles else tuple(Array(role) for role in op.roles)


def array_uses(node: Node, arrays: Sequence[Array]) -> tuple[ArrayUse, ...]:
    """What fills a shaped node's arrays. Raises ShapeError, and ValueError for an array of unknown size."""
    if not arrays:
        return ()
    specs = infer_params(node.op, types_of(node.operands))
    found = []
    for array in arrays:
        sizes = [size for size in specs[array.role].shape if size is not None]
        if len(sizes) != len(specs[array.role].shape):
            raise ValueError(f"{node.name}: the size of {array.role} is not known")
        found.append(ArrayUse(node.param(array.role), array, tuple(sizes)))
    return tuple(found)


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right or (left != left and right != right))


def construct(op: type[Op], values: Mapping[str, Any], origin: Mapping[str, str]) -> Op:
    """Build an op from raw values. Raises FieldError naming the native field whose value the op does not take."""
    for field in fields_of(op):
        if field.name in values:
            try:
                field.convert(values[field.name])
            except (ValueError, TypeError, OverflowError) as error:
                raise FieldError(origin.get(field.name, field.name), str(error)) from error
    try:
        return op(**values)
    except (ValueError, TypeError) as error:
        raise FieldError("", str(error)) from error


def plain(value: Any) -> Attr:
    """An op field's value as plain data: enumerations and paddings become symbols, tuples lists."""
    return encode(value)


Spelling: TypeAlias = tuple[Row, Native] | Refusal
"""A row and what it writes, or why no row does."""


class Family(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Rows that are loaded together: when an op that they write is to be spelled, or when all rows are asked for.

    `writes`: the ops, by class (`activation.Relu`) or all of a module (`activation`); None: any. `of_functions`: the
    rows are spellings as functions, not as layers.
    """

    load: Callable[[], tuple[Row, ...]]
    writes: frozenset[str] | None = None
    of_functions: bool = False

    def may_write(self, op: type[Op]) -> bool:
        module = op.__module__.rpartition(".")[2]
        return self.writes is None or module in self.writes or f"{module}.{op.__name__}" in self.writes

    @cached_property
    def by_op(self) -> dict[type[Op], tuple[Row, ...]]:
        """The rows that write each op."""
        found: dict[type[Op], list[Row]] = {}
        for row in self.load():
            if not row.read_only:
                found.setdefault(row.op, []).append(row)
        return {key: tuple(rows) for key, rows in found.items()}


class Dialect(msgspec.Struct, frozen=True, eq=False, dict=True):
    """All rows of one framework."""

    name: str
    families: tuple[Family, ...]
    _by_op: dict[type[Op], tuple[Family, ...]] = msgspec.field(default_factory=dict)
    _spelled: WeakKeyDictionary[Node, Spelling] = msgspec.field(default_factory=WeakKeyDictionary)

    @classmethod
    def of(cls, name: str, rows: tuple[Row, ...]) -> Self:
        """A dialect of rows that are there already."""
        return cls(name, (Family(lambda: rows),))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All rows, in the order in which they are tried."""
        return rows_of(self.families)

    @cached_property
    def _by_native(self) -> dict[str, tuple[Row, ...]]:
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            if not row.write_only:
                found.setdefault(row.native, []).append(row)
        return {key: tuple(rows) for key, rows in found.items()}

    def reader(self, native: Native) -> Row | None:
        """The first row of this native type whose discriminating fields match."""
        return next((row for row in self._by_native.get(native.type, ()) if row.matches(native)), None)

    def knows(self, native_type: str) -> bool:
        """Whether some row reads this native type."""
        return native_type in self._by_native

    def writers(self, op: type[Op], *, functions: bool = True) -> Iterator[Row]:
        """The rows that write an op, in order. A family is loaded when those before it were not enough."""
        families = self._by_op.get(op)
        if families is None:
            families = self._by_op[op] = tuple(one for one in self.families if one.may_write(op))
        for family in families:
            if functions or not family.of_functions:
                yield from family.by_op.get(op, ())

    def spell(self, node: Node) -> Spelling:
        """The first row that writes this node and its spelling, or the most telling refusal.

        Nodes never change, so each is spelled once: what legalization found, emission writes.
        """
        spelled = self._spelled.get(node)
        if spelled is None:
            spelled = self._spelled[node] = self._spell(node)
        return spelled

    def _spell(self, node: Node) -> Spelling:
        refused: Refusal | None = None
        for row in self.writers(type(node.op)):
            native = row.write(node)
            if isinstance(native, Native):
                return row, native
            refused = refused or native
        return refused or Refusal(f"{self.name} has no layer for {node.op.name}")


def rows_of(families: Iterable[Family]) -> tuple[Row, ...]:
    """All rows of some families."""
    return tuple(row for family in families for row in family.load())
