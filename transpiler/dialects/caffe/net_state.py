"""Which layers are part of a net: Caffe's include and exclude rules over phase, level and stages.

Source: `Net::FilterNet` and `Net::StateMeetsRule` of BVLC Caffe 1.0.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from transpiler.diagnostics import Sink
from transpiler.dialects.caffe.net_record import LayerRecord, NetRecord
from transpiler.dialects.caffe.record import Record

__all__ = ["NetState", "Phase", "active", "active_layers", "check_rules", "meets_rule"]


class Phase(enum.Enum):
    """What the net is run for."""

    TRAIN = "TRAIN"
    TEST = "TEST"


class NetState(msgspec.Struct, frozen=True):
    """The state a net is built in, which decides which of its layers are used."""

    phase: Phase = Phase.TEST
    level: int = 0
    stages: frozenset[str] = frozenset()

    @staticmethod
    def of(
        net: NetRecord, phase: Phase | None = None, level: int | None = None, stages: Iterable[str] = ()
    ) -> NetState:
        """The state that the file sets; a phase or level given here goes before it, stages are added."""
        written = net.record.record("state")
        return NetState(
            phase if phase is not None else Phase(written.text("phase")),
            level if level is not None else written.integer("level"),
            frozenset(written.texts("stage")).union(stages),
        )


def meets_rule(state: NetState, rule: Record) -> bool:
    """Whether a state meets every condition that a `NetStateRule` states."""
    return (
        (not rule.has("phase") or rule.text("phase") == state.phase.value)
        and (not rule.has("min_level") or state.level >= rule.integer("min_level"))
        and (not rule.has("max_level") or state.level <= rule.integer("max_level"))
        and state.stages.issuperset(rule.texts("stage"))
        and state.stages.isdisjoint(rule.texts("not_stage"))
    )


def active(layer: LayerRecord, state: NetState) -> bool:
    """Whether a layer is in the net: an include rule is met, or none is given, and no exclude rule is."""
    included = not layer.include or any(meets_rule(state, rule) for rule in layer.include)
    return included and not any(meets_rule(state, rule) for rule in layer.exclude)


def active_layers(net: NetRecord, state: NetState) -> tuple[LayerRecord, ...]:
    """The layers that are in the net, in file order."""
    return tuple(layer for layer in net.layers if active(layer, state))


def check_rules(layer: LayerRecord, sink: Sink) -> None:
    """Report a layer that has both include and exclude rules, which Caffe refuses."""
    if not layer.include or not layer.exclude:
        return
    other = layer.record.span_of("include")
    sink.error(
        "T1013",
        f"layer `{layer.name}` has include rules and exclude rules; a layer may have rules of one kind only",
        layer.record.span_of("exclude"),
        related=((other, "an include rule"),) if other is not None else (),
    )
