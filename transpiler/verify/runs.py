"""The ways to run a subject: as its own file, as a converted one, or by a detour where nothing runs either.

Each way hands over the values of the subject's graph as they are computed, in the source's order of axes, and answers
what ran.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from transpiler.diagnostics import CompileError, Severity, Sink, Source
from transpiler.driver.binding import bind
from transpiler.driver.options import Options
from transpiler.driver.reading import read_model
from transpiler.driver.targets import TARGETS
from transpiler.driver.trace import Trace
from transpiler.ir import Value
from transpiler.verify import caffe_side, keras_side, tensorflow_side
from transpiler.verify.keras_side import Received
from transpiler.verify.matching import Match, matches
from transpiler.verify.runtime import RUNTIMES, Runtime, Unusable
from transpiler.verify.subject import Converted, Subject, converted, file_of, subject_of
from transpiler.weights.stored import Stored, WeightFile

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers

DETOURS: Final = ("keras", "tensorflow", "keras2")
"""By way of which targets a model is run that nothing runs as it is, the best first."""


def run_own(subject: Subject, sink: Sink, receive: Received) -> Runtime:
    """Run the source's own file. Raises Unusable where its framework does not, or not as it was meant."""
    content = file_of(subject, sink)
    if content is None:
        raise Unusable("it was made in Python, not read from a file")
    if isinstance(content, Source) and _is_ir(content, subject.options):
        raise Unusable("no framework reads IR text")
    given = (subject.module, subject.store, subject.inputs, receive)
    match subject.framework:
        case "caffe" if isinstance(content, Source):
            if subject.has_phases:
                raise Unusable("it has layers of several phases, which OpenCV does not tell apart")
            unlike = caffe_side.unlike_caffe(subject.graph)
            if unlike is not None:
                raise Unusable(unlike)
            caffe_side.run_source(RUNTIMES["caffe"], content.text, *given)
            return RUNTIMES["caffe"]
        case "keras" if isinstance(content, Source):
            runtime = RUNTIMES["keras" if _is_keras3(content) else "keras2"]
            keras_side.run_source(runtime, content.text, *given)
            return runtime
        case "tensorflow":
            graph = content.text if isinstance(content, Source) else content
            tensorflow_side.run_source(RUNTIMES["tensorflow"], graph, *given)
            return RUNTIMES["tensorflow"]
        case other:
            raise Unusable(f"{other} is no framework that runs networks")


def _is_ir(text: Source, options: Options) -> bool:
    from transpiler.parsers.detect import Format, detect

    found = Format(options.source_format) if options.source_format else detect(text).format
    return found is Format.IR


def _is_keras3(text: Source) -> bool:
    from transpiler.dialects.keras.model import Generation
    from transpiler.dialects.keras.reader import generation_of
    from transpiler.parsers.json import parse_source

    return generation_of(parse_source(text, Sink())) is Generation.KERAS3


def run_converted(subject: Subject, made: Converted, receive: Received) -> Runtime:
    """Run what a subject becomes for a target, in the target's framework. Raises Unusable."""
    matched = matches(subject.graph, made.graph, made.trail)
    by_target: dict[Value, list[Match]] = {}
    for match in matched:
        by_target.setdefault(match.target, []).append(match)

    def take(value: Value, array: Numbers) -> None:
        for match in by_target.get(value, ()):
            receive(match.source, match.back(array))

    inputs = {
        match.target: match.there(subject.inputs[match.source.name])
        for match in matched
        if match.source.name in subject.inputs
    }
    module, store = made.legal.module, subject.store
    text = made.target.write(module, Sink())
    runtime = RUNTIMES[made.target.name]
    match made.target.name:
        case "caffe":
            unlike = caffe_side.unlike_caffe(made.graph)
            if unlike is not None:
                raise Unusable(unlike)
            caffe_side.run_target(runtime, text, module, store, inputs, take)
        case "tensorflow":
            tensorflow_side.run_target(runtime, text, module, store, inputs, take)
        case _:
            keras_side.run_target(runtime, text, module, store, inputs, take)
    return runtime


def run_detour(subject: Subject, name: str, receive: Received) -> Runtime:
    """Run what a subject becomes for a target. Raises Unusable, also where it has no exact form there."""
    try:
        return run_converted(subject, converted(subject, TARGETS[name], Sink()), receive)
    except CompileError as error:
        first = next(one for one in error.diagnostics if one.severity is Severity.ERROR)
        if first.code == "T8101":
            raise
        raise Unusable(first.message) from error


def run_by_detour(subject: Subject, avoid: Collection[str], receive: Received) -> tuple[Runtime, str]:
    """Run what a subject becomes for some target not to be avoided; also says which. Raises Unusable if none serves."""
    said: list[str] = []
    for name in DETOURS:
        if name in avoid:
            continue
        try:
            return run_detour(subject, name, receive), name
        except Unusable as error:
            said.append(f"{name}: {error}")
    raise Unusable("; ".join(said))


def run_read_back(
    subject: Subject, made: Converted, avoid: Collection[str], receive: Received
) -> tuple[Runtime, str]:
    """Run a Caffe net that OpenCV does not, as this program reads its text, by a detour. Raises Unusable.

    What it reads Caffe's layers to mean is held against recorded results of Caffe itself.
    """
    text, sink = Source("<written>", made.target.write(made.legal.module, Sink())), Sink()
    model = read_model(text, Options(source_format="caffe"), sink, Trace())
    again = subject_of(model, text, Options(), 0, sink)
    arrays = caffe_side.weights_of(made.legal.module, subject.store)
    layers = {
        layer.path: tuple(Stored(f"{layer.path}/{i}", array) for i, array in enumerate(layer.arrays))
        for layer in arrays
    }
    store = bind(again.module, WeightFile("<written>", "caffe", layers), sink)
    sink.raise_if_errors()
    places = caffe_side.written_values(made.graph, again.graph)
    by_target: dict[Value, list[Match]] = {}
    inputs: dict[str, Numbers] = {}
    for match in matches(subject.graph, made.graph, made.trail):
        by_target.setdefault(match.target, []).append(match)
        if match.source.name in subject.inputs:
            read = next(value for value, written in places.items() if written is match.target)
            inputs[read.name] = match.there(subject.inputs[match.source.name])

    def take(value: Value, array: Numbers) -> None:
        for match in by_target.get(places[value], ()) if value in places else ():
            receive(match.source, match.back(array))

    return run_by_detour(again.with_numbers(store, inputs), avoid, take)
