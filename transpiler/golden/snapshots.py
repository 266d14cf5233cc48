"""Golden files as syrupy's snapshots: it counts, reports and updates them, while they stay where they always are."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syrupy.data import SnapshotCollections
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from transpiler.driver.options import Options, UsageError
from transpiler.golden.capture import SUMMARY, capture
from transpiler.golden.compare import compared
from transpiler.golden.report import render
from transpiler.golden.store import CONFIG, FOLDER, Config, Store

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion
    from syrupy.location import PyTestLocation
    from syrupy.types import SnapshotIndex


class GoldenExtension(SingleFileSnapshotExtension):
    """Text files in the directory of one model, which a subclass names. Snapshots are called like their files."""

    _write_mode = WriteMode.TEXT
    file_extension = ""
    folder = ""

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:  # noqa: ARG003 - syrupy's signature
        return cls.folder

    @classmethod
    def get_file_basename(
        cls,
        *,
        test_location: PyTestLocation,  # noqa: ARG003 - syrupy's signature
        index: SnapshotIndex,
    ) -> str:
        return str(index)

    @classmethod
    def matches_test_location(cls, **location: Any) -> bool:  # noqa: ARG003 - syrupy's signature
        return True

    def discover_snapshots(self, **locations: Any) -> SnapshotCollections:
        """None: syrupy deletes what it discovers and no test asked for, but other tests may ask for these files."""
        return SnapshotCollections()


def check_model(
    snapshot: SnapshotAssertion,
    path: str | os.PathLike[str],
    to: Sequence[str] | None,
    root: str | os.PathLike[str] | None,
    options: Options | None,
) -> str:
    """What differs between a model and its golden files, in words; "" if nothing does. Raises UsageError."""
    place = Path(path)
    store = Store(_root_of(place) if root is None else Path(root))
    model = place.absolute().relative_to(store.root.absolute()).as_posix()
    config = _config(store, to, options)
    now = capture(place, config.targets, config.options)
    golden = store.files(model)
    asserted = snapshot.use_extension(_extension(str(store.folder / model)))
    results = [asserted(name=name) == text for name, text in now.files.items()]
    if all(results):
        if snapshot.update_snapshots:
            _remove_replaced(store, model, config, golden.keys() - now.files.keys())
        return ""
    said = render(
        compared(model, now, {name: golden[name] for name in golden if name in now.files}), str(path)
    )
    return f"{said}if this is as it should be: pytest --snapshot-update\n"


def _remove_replaced(store: Store, model: str, config: Config, names: Iterable[str]) -> None:
    """Remove the texts of targets that are now refused, and the reasons for those that no longer are."""
    for name in names:
        if name.partition(".")[0] in (SUMMARY, *config.targets):
            store.path(model, name).unlink()


@functools.cache
def _extension(folder: str) -> type[GoldenExtension]:
    return type("GoldenExtension", (GoldenExtension,), {"folder": folder})


def _root_of(model: Path) -> Path:
    for above in model.absolute().parents:
        if (above / FOLDER / CONFIG).is_file():
            return above
    return model.parent


def _config(store: Store, to: Sequence[str] | None, options: Options | None) -> Config:
    recorded = store.config()
    if to is None and recorded is None:
        raise UsageError(f"say with `to` which targets are compared; nothing is recorded in {store.folder}")
    targets = tuple(to) if to is not None else recorded.targets if recorded is not None else ()
    if options is None:
        options = recorded.options if recorded is not None else Options()
    return Config(targets, options)
