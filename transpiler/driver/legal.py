"""From a model as it was read to a module that is legal for a target, with its numbers if there are any."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Any

import msgspec

from transpiler.diagnostics import Sink
from transpiler.driver.options import Options, UsageError
from transpiler.driver.reading import Model
from transpiler.driver.running import one_phase, run_passes
from transpiler.driver.targets import Target
from transpiler.driver.trace import Trace
from transpiler.ir import Module
from transpiler.passes.manager import Pass

if TYPE_CHECKING:
    from transpiler.weights.store import Store
    from transpiler.weights.stored import WeightFile


class Legal(msgspec.Struct, frozen=True):
    """A module that a target can say, and the numbers of its learned arrays; `store` None: there are none."""

    module: Module
    store: Store | None = None


def legal_model(model: Model, target: Target, options: Options, sink: Sink, trace: Trace) -> Legal:
    """A model, fresh from lowering, after all passes to `target`; without an exact form the sink has errors."""
    from transpiler.passes.manager import SHAPED
    from transpiler.passes.pipelines import READ, pipeline

    module = model.module
    if target.name == "caffe" and options.data_format == "channels_last":
        raise UsageError("Caffe has one data format, channels_first")
    rest = pipeline(module.framework, target.name, options.data_format)
    _check_pass_names(trace.print_after | {options.stop_after or READ[0].name}, (*READ, *rest))
    if options.phase or not target.has_phases:
        module = one_phase(module, options.phase)
    module = run_passes(module, READ, options, sink, trace)
    if sink.has_errors or options.stop_after in {step.name for step in READ}:
        return Legal(module)
    store = numbers_of(msgspec.structs.replace(model, module=module), options, sink, trace)
    return Legal(run_passes(module, rest, options, sink, trace, given=frozenset({SHAPED})), store)


def legal_module(module: Module, target: Target, options: Options, sink: Sink, trace: Trace) -> Module:
    """The same for a network without numbers."""
    return legal_model(
        Model(module), target, msgspec.structs.replace(options, weights=None), sink, trace
    ).module


def numbers_of(model: Model, options: Options, sink: Sink, trace: Trace) -> Store | None:
    """The numbers of a shaped model: from the file that the user names, else those that the source holds itself.

    None when there are none, or not for every learned array of a source that is a graph.
    """
    module = model.module
    if options.weights is None and model.weights is None and not module.constants and not module.variables:
        return None
    from transpiler.driver.binding import bind, held, is_complete

    with trace.stage("weights"):
        if options.weights is not None:
            from transpiler.weights.reading import read_weights

            if module.variables and _is_checkpoint(options.weights):
                return bind(module, _variables(module), sink)
            return bind(module, read_weights(options.weights, sink, _config(model)), sink)
        if model.weights is not None:
            return bind(module, model.weights, sink)
        store = held(module)
        if not is_complete(module, store):
            return None
        return bind(module, _variables(module), sink) if module.variables else store


def _is_checkpoint(path: str) -> bool:
    from transpiler.weights.checkpoint import checkpoint_at

    return checkpoint_at(path) is not None


def _variables(module: Module) -> WeightFile:
    """The arrays that lie beside a graph, as a weight file."""
    from transpiler.weights.stored import Stored, WeightFile

    stored = {symbol: Stored(symbol, array) for symbol, array in module.variables.items()}
    return WeightFile("the checkpoint", "tensorflow", variables=stored)


def _config(model: Model) -> Any:
    """The JSON of a Keras model as plain data: weight files that do not name their layers follow its order."""
    if model.module.framework != "keras" or model.text is None:
        return None
    try:
        return json.loads(model.text)
    except (ValueError, RecursionError):  # our own reader took it: a comment, or a comma too many
        return None


def _check_pass_names(asked: Set[str], steps: Sequence[Pass]) -> None:
    names = [step.name for step in steps]
    unknown = sorted(asked - set(names))
    if unknown:
        raise UsageError(f"there is no pass {unknown[0]!r} on this way; there are: {', '.join(names)}")
