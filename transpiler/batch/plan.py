"""Which files are to be converted, and where each result goes: all of it settled before the first conversion."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

import msgspec

from transpiler.batch.locations import file_system, is_url, located, without_scheme
from transpiler.driver.discovery import is_model_name, model_files
from transpiler.driver.options import UsageError

_MAGIC: Final = "*?["
_SHOWN: Final = 5
"""So many conflicts are named in an error."""


class Item(msgspec.Struct, frozen=True):
    """An input, and its output without suffix; both as names below what the user gave."""

    input: str
    output: str


def plan(sources: Sequence[str], out: str, suffix: str, exclude: Sequence[str] = ()) -> tuple[Item, ...]:
    """The items of a run, sorted by input. The output tree mirrors the tree below each source.

    `suffix` is that of the main result. Raises UsageError if a source does not exist, if there is no file at all, or
    if two inputs would be written to the same place or one onto an input.
    """
    out, here = without_scheme(out), str(Path.cwd())
    found: dict[str, Item] = {}
    for source in map(without_scheme, sources):
        walk = _remote if is_url(source) else _local
        for name, relative in walk(source, out):
            if not any(_matches(relative, pattern) for pattern in exclude):
                stem = str(PurePosixPath(relative).with_suffix(""))
                output = f"{out.rstrip('/')}/{stem}" if is_url(out) else str(PurePath(out, stem))
                found.setdefault(located(name, here), Item(name, output))
    if not found:
        raise UsageError("there is nothing to convert: no file was found, or all are excluded")
    items = sorted(found.values(), key=lambda item: item.input)
    _refuse_conflicts(items)
    _refuse_overwriting(items, suffix)
    return tuple(items)


def _matches(relative: str, pattern: str) -> bool:
    return fnmatchcase(relative, pattern) or fnmatchcase(PurePosixPath(relative).name, pattern)


def _local(source: str, out: str) -> Iterator[tuple[str, str]]:
    path = Path(source)
    if path.is_dir():
        if not is_url(out) and os.path.realpath(source) == os.path.realpath(out):
            raise UsageError(f"{out} is the source itself: results need a directory of their own")
        yield from _walk(source, source, out)
    elif path.exists():
        yield source, path.name
    elif any(sign in source for sign in _MAGIC):
        base = _fixed_part(source)
        for found in sorted(Path(base).glob(str(PurePath(source).relative_to(base)))):
            relative = found.relative_to(base)
            if found.is_dir():
                yield from _walk(str(found), base, out)
            elif not any(part.startswith(".") for part in relative.parts):
                yield str(found), relative.as_posix()
    else:
        raise UsageError(f"{source}: there is no such file or directory")


def _walk(directory: str, base: str, out: str) -> Iterator[tuple[str, str]]:
    """Models below a directory; what is in the output directory is passed over."""
    nowhere = () if is_url(out) else (os.path.realpath(out),)
    for path in model_files(directory, nowhere):
        yield path, PurePath(os.path.relpath(path, base)).as_posix()


def _remote(source: str, out: str) -> Iterator[tuple[str, str]]:
    if "::" in source:
        raise UsageError(f"{source}: chained URLs are not supported")
    system, path = file_system(source)
    inside = None
    if is_url(out):
        other, inside = file_system(out)
        inside = inside if other == system else None
    if any(sign in path for sign in _MAGIC) and not system.exists(path):
        base = _fixed_part(path)
        names = [name for name in system.glob(path) if not system.isdir(name)]
    elif system.isdir(path):
        base = path
        names = [name for name in system.find(path) if _is_model(name, path)]
    elif system.exists(path):
        base = str(PurePosixPath(path).parent)
        names = [path]
    else:
        raise UsageError(f"{source}: there is no such file or directory")
    for name in sorted(names):
        if inside is None or not PurePosixPath(name).is_relative_to(inside):
            yield system.unstrip_protocol(name), str(PurePosixPath(name).relative_to(base))


def _is_model(name: str, base: str) -> bool:
    path = PurePosixPath(name).relative_to(base)
    return is_model_name(path.name) and not any(part.startswith(".") for part in path.parts)


def _fixed_part(pattern: str) -> str:
    """The directory above the first wildcard: the tree below it is mirrored."""
    fixed: list[str] = []
    for part in PurePosixPath(pattern).parts[:-1]:
        if any(sign in part for sign in _MAGIC):
            break
        fixed.append(part)
    return str(PurePosixPath(*fixed))


def _refuse_overwriting(items: Sequence[Item], suffix: str) -> None:
    inputs = {_identity(item.input) for item in items}
    for item in items:
        if _identity(item.output + suffix) in inputs:
            raise UsageError(f"{item.output}{suffix}, the result of {item.input}, is a source itself")


def _identity(name: str) -> str:
    return name if is_url(name) else os.path.realpath(name)


def _refuse_conflicts(items: Sequence[Item]) -> None:
    first: dict[str, str] = {}
    conflicts: list[str] = []
    for item in items:
        other = first.setdefault(item.output, item.input)
        if other != item.input:
            conflicts.append(f"{other} and {item.input} would both become {item.output}.*")
    if conflicts:
        more = len(conflicts) - _SHOWN
        shown = "; ".join(conflicts[:_SHOWN]) + (f"; and {more:,} more" if more > 0 else "")
        raise UsageError(f"{shown}; convert them in separate runs, or leave some out with --exclude")
