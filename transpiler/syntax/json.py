"""The syntax tree of JSON, and its printer.

Trees are never changed after they are built. The classes are not frozen because readers make an object or array where
it begins and fill it where it ends.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Final

import msgspec

from transpiler.diagnostics import Source, Span
from transpiler.diagnostics.compared import OwnEquality

_quoted = json.encoder.encode_basestring_ascii
_OBJECT, _ARRAY, _CLOSE = object(), object(), object()
_DEEPEST = 100
"""How many characters values are indented by at most where they are printed by recursion."""


class JsonScalar(OwnEquality, eq=False):
    """A string, number, true, false or null. NaN and the infinities are numbers: Keras writes them."""

    value: str | int | float | bool | None
    source: Source | None = None
    start: int = 0
    end: int = 0

    @property
    def span(self) -> Span | None:
        """Where it is written; None for a node that was not read from a text."""
        return _span(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonScalar) and _scalar_key(self) == _scalar_key(other)

    def __hash__(self) -> int:
        return hash(_scalar_key(self))


class Member(OwnEquality, eq=False):
    """A key of an object and its value. `start` and `key_end` enclose the key as written, quotes included."""

    key: str
    value: JsonValue
    source: Source | None = None
    start: int = 0
    key_end: int = 0

    @property
    def end(self) -> int:
        """The offset behind the value."""
        return self.value.end

    @property
    def span(self) -> Span | None:
        """From the key to the end of the value; None for a member that was not read from a text."""
        return Span(self.source, self.start, self.value.end) if self.source is not None else None

    @property
    def key_span(self) -> Span | None:
        """Where the key is written; None for a member that was not read from a text."""
        return Span(self.source, self.start, self.key_end) if self.source is not None else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Member) and self.key == other.key and self.value == other.value

    def __hash__(self) -> int:
        return hash((self.key, self.value))


class JsonObject(OwnEquality, eq=False):
    """Members in the order written. A key may occur twice: the last one counts, as in every common reader."""

    members: tuple[Member, ...] = ()
    source: Source | None = None
    start: int = 0
    end: int = 0

    def last(self, key: str) -> Member | None:
        """Return the member of that key that counts."""
        for member in reversed(self.members):
            if member.key == key:
                return member
        return None

    @property
    def span(self) -> Span | None:
        """Where it is written, braces included; None for a node that was not read from a text."""
        return _span(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonObject) and _same(self, other)

    def __hash__(self) -> int:
        return hash(tuple(_flattened(self)))


class JsonArray(OwnEquality, eq=False):
    """Items in the order written."""

    items: tuple[JsonValue, ...] = ()
    source: Source | None = None
    start: int = 0
    end: int = 0

    @property
    def span(self) -> Span | None:
        """Where it is written, brackets included; None for a node that was not read from a text."""
        return _span(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonArray) and _same(self, other)

    def __hash__(self) -> int:
        return hash(tuple(_flattened(self)))


JsonValue = JsonObject | JsonArray | JsonScalar


def to_python(node: JsonValue) -> Any:
    """Return the dicts, lists and plain values of a tree. The result is new; changing it changes no tree."""
    top: list[Any] = []
    pending: list[tuple[JsonObject | JsonArray, Any]] = []
    top.append(_shell(node, pending))
    while pending:
        container, shell = pending.pop()
        if isinstance(container, JsonObject):
            for member in container.members:
                shell[member.key] = _shell(member.value, pending)
        else:
            shell.extend([_shell(item, pending) for item in container.items])
    return top[0]


def from_python(value: Any) -> JsonValue:
    """Return the tree of dicts with string keys, lists, tuples and plain values.

    Raises TypeError for anything else and ValueError for a value that contains itself.
    """
    frames: list[_Frame] = []
    open_ids: set[int] = set()
    done: JsonValue | None = _leaf_or_open(value, frames, open_ids)
    while frames:
        frame = frames[-1]
        if done is not None:
            frame.nodes.append(done)
        try:
            child = next(frame.children)
        except StopIteration:
            open_ids.discard(id(frames.pop().value))
            done = frame.finished()
        else:
            done = _leaf_or_open(child, frames, open_ids)
    if done is None:
        raise AssertionError("a value without frames is a leaf")
    return done


def span_at(node: JsonValue, path: Sequence[str | int]) -> Span | None:
    """Return the span of the value that a path of keys and indices leads to.

    Where the path leads out of the tree, the span of the deepest value on it: a diagnostic needs a place, not an
    exception. None when the tree was not read from a text.
    """
    for step in path:
        child = _child(node, step)
        if child is None:
            break
        node = child
    return node.span


def print_json(node: JsonValue, indent: int | None = 2) -> str:
    """Return JSON in ASCII, ending in a newline; `indent=None` puts everything on one line."""
    printer = _Printer(indent)
    printer.print(node)
    return "".join(printer.pieces) + "\n"


def print_python(value: Any) -> str:
    """Return what `print_json(from_python(value))` returns, without making the tree. Raises as `from_python`."""
    try:
        return _text(value, "\n") + "\n"
    except RecursionError:
        return print_json(from_python(value))


def _text(value: Any, newline: str) -> str:
    """Return the text of a value that stands behind the line break and indentation `newline`."""
    write = _LEAVES.get(type(value))
    if write is not None:
        return write(value)
    if not isinstance(value, dict | list | tuple):
        if isinstance(value, str | int | float):
            return _written(value)
        raise TypeError(f"JSON cannot hold a {type(value).__name__}: {value!r}")
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    if len(newline) > _DEEPEST:
        raise RecursionError
    inner = newline + "  "
    pieces = []
    if isinstance(value, dict):
        for key, item in value.items():
            write = _LEAVES.get(type(item))
            text = write(item) if write is not None else _text(item, inner)
            pieces.append(f"{inner}{_quoted(key)}: {text}")
        return f"{{{','.join(pieces)}{newline}}}"
    for item in value:
        write = _LEAVES.get(type(item))
        pieces.append(inner + (write(item) if write is not None else _text(item, inner)))
    return f"[{','.join(pieces)}{newline}]"


class _Frame(msgspec.Struct):
    """A container being turned into a tree: what is left to do and what is done."""

    value: Any
    keys: list[str] | None
    children: Iterator[Any]
    nodes: list[JsonValue] = msgspec.field(default_factory=list)

    def finished(self) -> JsonValue:
        if self.keys is None:
            return JsonArray(tuple(self.nodes))
        return JsonObject(tuple(Member(key, node) for key, node in zip(self.keys, self.nodes, strict=True)))


def _leaf_or_open(value: Any, frames: list[_Frame], open_ids: set[int]) -> JsonValue | None:
    """Return the node of a plain value, or open a frame for a container and return None."""
    if value is None or isinstance(value, str | int | float):
        return JsonScalar(value)
    if not isinstance(value, dict | list | tuple):
        raise TypeError(f"JSON cannot hold a {type(value).__name__}: {value!r}")
    if id(value) in open_ids:
        raise ValueError("JSON cannot hold a value that contains itself")
    open_ids.add(id(value))
    if isinstance(value, dict):
        keys = list(value)
        if not all(isinstance(key, str) for key in keys):
            raise TypeError("the keys of a JSON object are strings")
        frames.append(_Frame(value, keys, iter(value.values())))
    else:
        frames.append(_Frame(value, None, iter(value)))
    return None


def _shell(node: JsonValue, pending: list[tuple[JsonObject | JsonArray, Any]]) -> Any:
    """Return a scalar's value, or an empty container that is filled later."""
    if isinstance(node, JsonScalar):
        return node.value
    shell: Any = {} if isinstance(node, JsonObject) else []
    pending.append((node, shell))
    return shell


def _child(node: JsonValue, step: str | int) -> JsonValue | None:
    if isinstance(node, JsonObject) and isinstance(step, str):
        member = node.last(step)
        return member.value if member is not None else None
    if isinstance(node, JsonArray) and isinstance(step, int) and -len(node.items) <= step < len(node.items):
        return node.items[step]
    return None


class _Printer(msgspec.Struct):
    """Prints without recursion: a stack of what is still to be written at each level."""

    indent: int | None
    pieces: list[str] = msgspec.field(default_factory=list)
    levels: list[tuple[Iterator[Member | JsonValue], str]] = msgspec.field(default_factory=list)
    newline: str = "\n"

    def print(self, node: JsonValue) -> None:
        self._begin(node)
        first = True
        while self.levels:
            children, closer = self.levels[-1]
            child = next(children, None)
            if child is None:
                self.levels.pop()
                self._break(len(self.levels))
                self.pieces.append(closer)
                first = False
                continue
            if not first:
                self.pieces.append("," if self.indent is not None else ", ")
            self._break(len(self.levels))
            if isinstance(child, Member):
                self.pieces.append(f"{_quoted(child.key)}: ")
                child = child.value
            first = self._begin(child)

    def _begin(self, node: JsonValue) -> bool:
        """Write a scalar or empty container whole, or open a container; return whether one was opened."""
        if isinstance(node, JsonScalar):
            self.pieces.append(_written(node.value))
            return False
        is_object = isinstance(node, JsonObject)
        children: tuple[Member | JsonValue, ...] = (
            node.members if isinstance(node, JsonObject) else node.items
        )
        if not children:
            self.pieces.append("{}" if is_object else "[]")
            return False
        self.pieces.append("{" if is_object else "[")
        self.levels.append((iter(children), "}" if is_object else "]"))
        return True

    def _break(self, level: int) -> None:
        if self.indent is not None:
            self.pieces.append("\n" + " " * (self.indent * level))


def _written(value: str | int | float | bool | None) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return int.__repr__(value) if isinstance(value, int) else _written_float(value)


def _written_float(value: float) -> str:
    if math.isfinite(value):
        return float.__repr__(value)
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


_LEAVES: Final[dict[type, Callable[[Any], str]]] = {
    str: _quoted,
    int: int.__repr__,
    float: _written_float,
    bool: _written,
    type(None): _written,
}
"""How values that are no containers are written."""


def _span(node: JsonValue) -> Span | None:
    return Span(node.source, node.start, node.end) if node.source is not None else None


def _flattened(node: JsonValue) -> Iterator[Hashable]:
    """Yield a tree as a flat sequence, so that comparing and hashing take no recursion, however deep it is."""
    levels: list[Iterator[Member | JsonValue]] = [iter((node,))]
    while levels:
        item = next(levels[-1], None)
        if item is None:
            levels.pop()
            yield _CLOSE
            continue
        value = item.value if isinstance(item, Member) else item
        if isinstance(item, Member):
            yield item.key
        if isinstance(value, JsonScalar):
            yield _scalar_key(value)
        elif isinstance(value, JsonObject):
            yield _OBJECT
            levels.append(iter(value.members))
        else:
            yield _ARRAY
            levels.append(iter(value.items))


def _same(left: JsonValue, right: JsonValue) -> bool:
    # A flat sequence tells where its tree ends, so neither is a prefix of the other.
    return all(one == other for one, other in zip(_flattened(left), _flattened(right), strict=False))


def _scalar_key(scalar: JsonScalar) -> tuple[str, str]:
    """Return what two equal scalars share: 1, 1.0 and true differ, and NaN equals itself."""
    return type(scalar.value).__name__, str(scalar.value)
