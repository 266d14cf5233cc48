"""What a user may ask of a run, whichever door the wish comes through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from transpiler.ir import Shape

PHASES: Final = ("TEST", "TRAIN")
DEFAULT_PHASE: Final = "TEST"
"""The phase that is meant where a file has several and only one can be shown or written."""

DATA_FORMATS: Final = ("channels_last", "channels_first", "keep")

SUFFIXES: Final = {".prototxt": "caffe", ".json": "keras", ".pbtxt": "tensorflow", ".ir": "ir"}
"""Which target an output file's suffix stands for; suffixes that several targets use are absent."""


class UsageError(ValueError):
    """The request itself is wrong (an unknown target, pass or phase); the message is for the user."""


class Options(msgspec.Struct, frozen=True):
    """One run's settings; the defaults ask for nothing special."""

    source_format: str | None = None
    """The format to read the source as; None: recognise it from its content."""
    phase: str | None = None
    """TRAIN or TEST; None: all phases where the result can hold them, else TEST."""
    input_shapes: Mapping[str, Shape] = msgspec.field(default_factory=dict)
    """Shapes, batch first, of inputs (by blob or layer name) that the source leaves open or that are to be replaced."""
    batch: int | None = None
    """Replaces the first dimension of every input."""
    data_format: str | None = None
    """channels_last, channels_first or keep; None: what the target is used to."""
    level: int | None = None
    """The level that a Caffe net's include and exclude rules are held against; None: as the file says."""
    stages: tuple[str, ...] = ()
    """The stages that they are held against, besides those the file sets."""
    weights: str | None = None
    """The path of a file with the weights of the source."""
    inputs: tuple[str, ...] = ()
    """The tensors of a TensorFlow graph at which the network begins; empty: as the graph says."""
    outputs: tuple[str, ...] = ()
    """Those at which it ends."""
    remember: bool = False
    """Whether to keep what is read for the next time that the same text is asked for (`transpiler.driver.caching`)."""
    stop_after: str | None = None
    """The name of the pass after which to stop; the result is then the graph as IR text."""

    def __post_init__(self) -> None:
        if self.phase is not None and self.phase not in PHASES:
            raise UsageError(f"unknown phase {self.phase!r}; the phases are {' and '.join(PHASES)}")
        if self.data_format is not None and self.data_format not in DATA_FORMATS:
            raise UsageError(f"unknown data format {self.data_format!r}; there are {', '.join(DATA_FORMATS)}")
        if self.batch is not None and self.batch < 1:
            raise UsageError(f"a batch has at least one example, not {self.batch}")
