"""Golden files on disk: `golden/` in the directory of the models, with a directory for each model.

nets/lenet.prototxt
nets/golden/golden.json                      which targets, with which options
nets/golden/lenet.prototxt/summary.ir        the graph as read
nets/golden/lenet.prototxt/keras.json        the text for a target, or keras.refused.txt with the reasons
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from transpiler.driver.discovery import model_files
from transpiler.driver.files import write_whole
from transpiler.driver.option_data import given, options_from
from transpiler.driver.options import Options, UsageError
from transpiler.driver.targets import TARGETS
from transpiler.golden.capture import SUMMARY

FOLDER: Final = "golden"
CONFIG: Final = "golden.json"


class Config(msgspec.Struct, frozen=True):
    """What is recorded of each model."""

    targets: tuple[str, ...]
    options: Options = msgspec.field(default_factory=Options)
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.targets) - (TARGETS.keys() - {"ir"}))
        if unknown:
            known = ", ".join(name for name in TARGETS if name != "ir")
            raise UsageError(f"golden files are kept for {known}, not for {unknown[0]}")

    def as_dict(self) -> dict[str, Any]:
        return {"targets": list(self.targets), "options": given(self.options), "exclude": list(self.exclude)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Config:
        return cls(tuple(data["targets"]), options_from(data["options"]), tuple(data["exclude"]))


class Store(msgspec.Struct, frozen=True):
    """The golden files of the models below `root`. Models are named by their paths below it."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / FOLDER

    def config(self) -> Config | None:
        """What was asked for when recording began; None if it has not. Raises UsageError if it cannot be read."""
        path = self.folder / CONFIG
        try:
            return Config.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UsageError(f"{path} cannot be understood: {error}") from error

    def configure(self, config: Config) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(config.as_dict(), indent=2) + "\n"
        write_whole(self.folder / CONFIG, text.encode())

    def models(self, config: Config) -> Iterator[str]:
        """The models that there are, in order."""
        if not self.root.is_dir():
            raise UsageError(f"{self.root} is not a directory")
        for path in model_files(str(self.root), named=(FOLDER,)):
            model = Path(path).relative_to(self.root).as_posix()
            if not any(_matches(model, pattern) for pattern in config.exclude):
                yield model

    def recorded(self) -> Iterator[str]:
        """The models that have golden files, in order."""
        for summary in sorted(self.folder.rglob(f"{SUMMARY}.*")):
            yield summary.parent.relative_to(self.folder).as_posix()

    def files(self, model: str) -> dict[str, str]:
        """The golden texts of a model by the names of their files; none if it has none."""
        folder = self.folder / model
        if not folder.is_dir():
            return {}
        return {path.name: _text(path) for path in sorted(folder.iterdir()) if _is_golden(path)}

    def path(self, model: str, name: str) -> Path:
        return self.folder / model / name

    def write(self, model: str, files: Mapping[str, str]) -> None:
        """Make these the golden files of a model, and these only."""
        folder = self.folder / model
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_whole(folder / name, text.encode("utf-8", errors="backslashreplace"))
        for name in self.files(model).keys() - files.keys():
            (folder / name).unlink()

    def remove(self, model: str) -> None:
        """Remove the golden files of a model, and the directories that are empty then."""
        folder = self.folder / model
        shutil.rmtree(folder)
        for above in folder.parents:
            if above == self.folder or any(above.iterdir()):
                return
            above.rmdir()


def _matches(model: str, pattern: str) -> bool:
    return fnmatchcase(model, pattern) or fnmatchcase(PurePosixPath(model).name, pattern)


def _is_golden(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")
