"""Recording, checking and accepting the golden files of a directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from transpiler.driver.options import Options, UsageError
from transpiler.golden.capture import capture
from transpiler.golden.compare import Comparison, State, compare_gone, compare_model
from transpiler.golden.store import Config, Store

DEFAULT_TARGETS: Final = ("keras", "caffe")


def record(
    store: Store,
    targets: Sequence[str],
    options: Options,
    exclude: Sequence[str],
    observe: Callable[[str], None],
) -> int:
    """Write the golden files that are missing, and leave those that are there; how many models got some.

    What is given here, the first time or again, says what is recorded from now on.
    """
    before = store.config()
    config = before or Config(DEFAULT_TARGETS)
    if targets:
        config = msgspec.structs.replace(config, targets=tuple(dict.fromkeys(targets)))
    if options != Options():
        config = msgspec.structs.replace(config, options=options)
    if exclude:
        config = msgspec.structs.replace(config, exclude=tuple(dict.fromkeys(exclude)))
    models = list(store.models(config))
    if not models:
        raise UsageError(f"there is no model below {store.root}")
    if config != before:
        store.configure(config)
    written = 0
    for model in models:
        golden = store.files(model)
        if golden and config == before:
            continue
        now = capture(store.root / model, config.targets, config.options).files
        files = {name: golden.get(name, text) for name, text in now.items()}
        if files != golden:
            store.write(model, files)
            observe(model)
            written += 1
    return written


def comparisons(store: Store, models: Sequence[str] = ()) -> Iterator[Comparison]:
    """How the models stand to their golden files, all or the ones that are named. Raises UsageError."""
    config = _config(store)
    present = list(store.models(config))
    recorded = list(store.recorded())
    known = {*present, *recorded}
    for model in models:
        if model not in known:
            raise UsageError(f"{model} is no model below {store.root}, and has no golden files")
    chosen = frozenset(models) or known
    for model in present:
        if model in chosen:
            yield compare_model(store, model, config)
    there = set(present)
    for model in recorded:
        if model in chosen and model not in there:
            yield compare_gone(store, model)


def accept(store: Store, models: Sequence[str], observe: Callable[[Comparison], None]) -> list[Comparison]:
    """Make what is now the golden state, for all models or the ones that are named."""
    found: list[Comparison] = []
    for comparison in comparisons(store, models):
        if comparison.state is State.GONE:
            store.remove(comparison.model)
        elif comparison.state is not State.SAME:
            store.write(comparison.model, comparison.files)
        if comparison.state is not State.SAME:
            observe(comparison)
        found.append(comparison)
    return found


def named_below(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Models by their paths below `root`, from paths that users give: below it, or from where they are."""
    found: list[str] = []
    for name in names:
        path = Path(name)
        if not path.is_relative_to(root) and (root / path).exists():
            path = root / path
        found.append(path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix())
    return tuple(found)


def _config(store: Store) -> Config:
    config = store.config()
    if config is None:
        raise UsageError(f"nothing is recorded for {store.root}: run `transpiler golden record {store.root}`")
    return config
