"""The targets that text can be written for. Emitters are loaded when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from transpiler.diagnostics import Sink
from transpiler.driver.running import printed
from transpiler.ir import Module


class Target(msgspec.Struct, frozen=True):
    """A framework's text form. `has_phases`: whether one text can hold the graphs of several phases."""

    name: str
    has_phases: bool
    write: Callable[[Module, Sink], str]
    """Text of a module that is legal for the target; what the text leaves out is reported to the sink."""


def _caffe(module: Module, sink: Sink) -> str:
    from transpiler.emitters.caffe import emit
    from transpiler.syntax.textproto import print_textproto

    return print_textproto(emit(module))


def _keras(generation: int) -> Callable[[Module, Sink], str]:
    def write_keras(module: Module, sink: Sink) -> str:
        from transpiler.emitters.keras import write
        from transpiler.syntax.json import print_python

        written = write(module, generation)
        for loss in dict.fromkeys(written.losses):
            sink.warning("T6002", f"layer {loss.layer}: {loss.what}", loss.span)
        return print_python(written.document)

    return write_keras


def _tensorflow(module: Module, sink: Sink) -> str:
    from transpiler.emitters.tensorflow import emit
    from transpiler.syntax.textproto import print_textproto

    return print_textproto(emit(module))


def _ir(module: Module, sink: Sink) -> str:
    return printed(module)


TARGETS: Final = {
    target.name: target
    for target in (
        Target("caffe", True, _caffe),
        Target("keras", False, _keras(3)),
        Target("keras2", False, _keras(2)),
        Target("tensorflow", False, _tensorflow),
        Target("ir", True, _ir),
    )
}
"""Every target by the name that `--to` takes."""
