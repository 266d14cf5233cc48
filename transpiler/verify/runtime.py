"""What the real frameworks have in common: whether they are installed, and how they fail."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from transpiler.diagnostics import CompileError, Sink

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers

Place = TypeVar("Place")
Receiver = Callable[[Place, "Numbers"], None]
"""Takes each tensor that was asked for as it is computed: where it stands in the framework's model, and its numbers."""

_QUIET: Final = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
"""Settings that the user may override: no accelerator, whose numbers differ, and no chatter."""


class Unusable(Exception):
    """A framework does not load a model, or does not run it; the message says what it said."""


class Runtime(msgspec.Struct, frozen=True):
    """A real framework: the module that Python imports, the packages that may hold it, the extra that installs it."""

    name: str
    module: str
    packages: tuple[str, ...]
    extra: str

    @property
    def version(self) -> str:
        """The installed version, empty if there is none."""
        for package in self.packages:
            try:
                return version(package)
            except PackageNotFoundError:
                continue
        return ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()

    def load(self) -> Any:
        """The module. Raises CompileError with the extra to install where there is none."""
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        try:
            with _silenced():
                found = import_module(self.module)
        except ImportError as error:
            sink = Sink()
            sink.error(
                "T8101",
                f"{self.name} is not installed, and running the network takes it",
                help=f"pip install 'transpiler[{self.extra}]'",
            )
            raise CompileError(sink.diagnostics) from error
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        return found


RUNTIMES: Final[Mapping[str, Runtime]] = {
    "caffe": Runtime(
        "OpenCV", "cv2", ("opencv-python-headless", "opencv-python", "opencv-contrib-python"), "caffe"
    ),
    "keras": Runtime("Keras", "keras", ("keras",), "keras"),
    "keras2": Runtime("tf-keras", "tf_keras", ("tf-keras",), "keras"),
    "tensorflow": Runtime("TensorFlow", "tensorflow", ("tensorflow", "tensorflow-cpu"), "keras"),
}
"""What runs the files of each target."""


@contextmanager
def _silenced() -> Iterator[None]:
    """Send what compiled code writes to stderr nowhere: TensorFlow greets from C++, past every setting."""
    if sys.stderr is not None:
        sys.stderr.flush()
    kept = os.dup(_STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)


_STDERR: Final = 2


@contextmanager
def failing(runtime: Runtime, doing: str) -> Iterator[None]:
    """Turn whatever a framework raises into Unusable: each has errors of its own, down to KeyError."""
    try:
        yield
    except (Unusable, CompileError, MemoryError):
        raise
    except Exception as error:
        # OpenCV keeps its bare message in `err`; Keras colours its own.
        said = " ".join(_COLOR.sub("", str(getattr(error, "err", error))).split())
        short = said if len(said) <= _MOST_SAID else f"{said[:_MOST_SAID]}…"
        raise Unusable(f"{runtime} does not {doing}: {type(error).__name__}: {short}") from error


_MOST_SAID: Final = 300
_COLOR: Final = re.compile(r"\x1b\[[0-9;]*m")
