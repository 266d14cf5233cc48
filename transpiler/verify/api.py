"""Verifying: the source in its framework, the target in its own, tensor by tensor.

A source that no framework here runs is compared by way of another target: what the same file becomes there, run in that
framework. The same serves a Caffe net that OpenCV does not run, or runs unlike Caffe.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Unpack

import msgspec

from transpiler.diagnostics import CompileError, Sink, Source
from transpiler.driver.api import Reading, options_of
from transpiler.driver.faults import contained
from transpiler.driver.options import Options, UsageError
from transpiler.driver.reading import Input
from transpiler.driver.targets import TARGETS, Target
from transpiler.ir import Graph, Module, Value
from transpiler.verify.comparison import Difference, difference
from transpiler.verify.inputs import inputs_of
from transpiler.verify.matching import matches
from transpiler.verify.references import References
from transpiler.verify.report import Report, Row
from transpiler.verify.runs import run_converted, run_read_back
from transpiler.verify.runtime import Unusable
from transpiler.verify.subject import Converted, Subject, converted, read_subject

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers

TOLERANCE: Final = 1e-3
"""The default bound of relative differences: what float32 leaves of accuracy after a hundred layers and more."""
RUNNABLE: Final = ("caffe", "keras", "keras2", "tensorflow")
"""The targets that something runs."""


def verify(
    src: Input,
    to: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    data_format: str | None = None,
    **reading: Unpack[Reading],
) -> Report:
    """Convert a model to `to` (caffe, keras, keras2 or tensorflow), run both in their frameworks, compare every tensor.

    Weights are those of the file `weights`, else the source's own, else drawn from `seed`, as inputs are. Raises
    CompileError when the model has errors, has no exact form in the target, or nothing runs it.
    """
    path = None if weights is None else os.fspath(weights)
    options = options_of(reading, weights=path, data_format=data_format)
    return verify_source(src, to, options, seed=seed, tolerance=tolerance)


def verify_source(
    source: Input,
    to: str,
    options: Options | None = None,
    *,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Report:
    """The same with all options in one."""
    target, sink = runnable(to), Sink()
    with contained(sink):
        subject = read_subject(source, options or Options(), seed, sink)
        report = verify_subject(subject, target, sink, seed=seed, tolerance=tolerance)
    return msgspec.structs.replace(report, source=_name(source, subject), diagnostics=tuple(sink.diagnostics))


def verify_each(
    source: Input,
    targets: Sequence[str],
    options: Options | None = None,
    *,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Iterator[Report | CompileError]:
    """The same for several targets, whose runs of the source are shared: a report for each, or why there is none.

    Every tensor of the source is held meanwhile. Raises CompileError when the source itself has errors.
    """
    sink = Sink()
    with contained(sink):
        subject = read_subject(source, options or Options(), seed, sink)
    runs = References(subject)
    for target in targets:
        own = Sink()
        try:
            with contained(own):
                report = verify_subject(
                    subject, runnable(target), own, seed=seed, tolerance=tolerance, runs=runs
                )
        except CompileError as error:
            yield error
        else:
            said = (*sink.diagnostics, *own.diagnostics)
            yield msgspec.structs.replace(report, source=_name(source, subject), diagnostics=said)


def runnable(name: str) -> Target:
    """The target of that name. Raises UsageError for one that nothing runs."""
    if name not in RUNNABLE:
        raise UsageError(f"nothing runs {name!r}; there are {', '.join(RUNNABLE)}")
    return TARGETS[name]


def _name(source: Input, subject: Subject) -> str:
    if isinstance(source, Module):
        return subject.module.name
    return source.name if isinstance(source, Source) else str(source)


def verify_subject(
    subject: Subject,
    target: Target,
    sink: Sink,
    *,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    runs: References | None = None,
) -> Report:
    """The same for a model that is read already, and may have been run already."""
    made = converted(subject, target, sink)
    given = set(inputs_of(subject.graph))
    matched = {match.source for match in matches(subject.graph, made.graph, made.trail)}
    wanted = matched - given
    runs = runs or References(subject, wanted)
    way = _Way(subject, made, sink, Comparison(subject.graph, wanted), runs)
    way.run_reference()
    way.run_candidate()
    compared = way.comparison
    outputs = [value for value in subject.graph.outputs if made.trail.follow(value.name) is not None]
    return Report(
        source=subject.module.name,
        target=target.name,
        reference=way.reference,
        candidate=way.candidate,
        weights=subject.weights,
        seed=seed,
        tolerance=tolerance,
        rows=compared.rows(),
        unmatched=tuple(
            _blob(value)
            for value in subject.graph.values()
            if value not in compared.differences and value not in given
        ),
        missing=tuple(
            _blob(value) for value in outputs if value not in compared.differences and value not in given
        ),
        notes=tuple(way.notes),
    )


def _blob(value: Value) -> str:
    """What people know a tensor by: its name in the source, else that of the layer whose result it is."""
    return value.native or value.name.removesuffix("/activation")


class Comparison(msgspec.Struct):
    """Compares the candidate's tensors with the reference's as they come."""

    graph: Graph
    wanted: set[Value]
    reference: dict[Value, Numbers] = msgspec.field(default_factory=dict)
    differences: dict[Value, Difference] = msgspec.field(default_factory=dict)

    def compare(self, value: Value, array: Numbers) -> None:
        """Take a tensor of the candidate. Of one that comes twice the larger difference counts."""
        if value in self.wanted and value in self.reference:
            found = difference(self.reference[value], array)
            before = self.differences.get(value)
            if before is None or not found.relative <= before.relative:
                self.differences[value] = found

    def rows(self) -> tuple[Row, ...]:
        """What was compared, in the source's order."""
        outputs = set(self.graph.outputs)
        return tuple(
            Row(
                layer=node.origin.layer,
                type=node.origin.type,
                tensor=_blob(value),
                shape=self.reference[value].shape,
                difference=self.differences[value],
                is_output=value in outputs,
            )
            for node in self.graph.nodes
            for value in node.results
            if value in self.differences
        )


class _Way(msgspec.Struct):
    """What ran each side, and what is to be said about it."""

    subject: Subject
    made: Converted
    sink: Sink
    comparison: Comparison
    runs: References
    notes: list[str] = msgspec.field(default_factory=list)
    reference: str = ""
    candidate: str = ""
    used: set[str] = msgspec.field(default_factory=set)
    """The targets whose frameworks ran, so that no framework is compared with itself."""

    def run_reference(self) -> None:
        """Run the source. Raises CompileError where nothing does."""
        try:
            found = self.runs.own(self.sink)
        except Unusable as error:
            self._by_detour(str(error))
        else:
            self.reference, self.comparison.reference = found.runtime, found.tensors

    def _by_detour(self, reason: str) -> None:
        avoid = {self.made.target.name} if self.made.target.name != "caffe" else set()
        try:
            found, name = self.runs.detour(avoid)
        except Unusable as error:
            self.sink.error(
                "T8102",
                f"nothing here runs the source: {reason}; by way of other targets: {error}",
            )
            self.sink.raise_if_errors()
            raise
        self.used.add(name)
        self.comparison.reference = found.tensors
        self.reference = f"{found.runtime}, as converted to {name}"
        self.notes.append(
            f"the source itself could not be run ({reason}): what is compared is its conversion to {name} with that "
            f"to {self.made.target.name}"
        )

    def run_candidate(self) -> None:
        """Run the target. Raises CompileError where its framework does not."""
        comparison = self.comparison
        try:
            self.candidate = str(run_converted(self.subject, self.made, comparison.compare))
        except Unusable as error:
            comparison.differences.clear()
            if self.made.target.name != "caffe":
                self._refused(str(error))
            self._read_back(str(error))

    def _read_back(self, reason: str) -> None:
        try:
            runtime, name = run_read_back(self.subject, self.made, self.used, self.comparison.compare)
        except Unusable as error:
            self._refused(f"{reason}; read back: {error}")
            return
        self.candidate = f"{runtime}, read back and converted to {name}"
        self.notes.append(
            f"the written net could not be run as it is ({reason}): it was read back and run as its conversion to "
            f"{name}"
        )

    def _refused(self, reason: str) -> None:
        self.sink.error("T8105", f"what was written for {self.made.target.name} does not run: {reason}")
        self.sink.raise_if_errors()
