"""A whole net as records: its layers in one spelling, whatever generation the file was written in."""

from __future__ import annotations

import enum

import msgspec

from transpiler.diagnostics import Span
from transpiler.dialects.caffe.record import Record
from transpiler.syntax.textproto import Field

__all__ = ["Generation", "LayerRecord", "NetRecord"]


class Generation(enum.Enum):
    """Which of Caffe's three ways of writing a layer the file used."""

    V0 = 'layers { layer { type: "conv" } }'
    V1 = "layers { type: CONVOLUTION }"
    V2 = 'layer { type: "Convolution" }'


class LayerRecord(msgspec.Struct, frozen=True):
    """One layer. `record` is a `LayerParameter`, with the places of the fields it was upgraded from.

    What every pass asks for again and again is read off the record once, by `of`.
    """

    record: Record
    generation: Generation
    name: str
    """The layer's name; names need not be unique."""
    type: str
    """The layer type, as in `Convolution`; empty where the file gives none."""
    bottoms: tuple[str, ...]
    """The names of the blobs it reads."""
    tops: tuple[str, ...]
    """The names of the blobs it writes; one that it also reads is changed in place."""

    @classmethod
    def of(cls, record: Record, generation: Generation = Generation.V2) -> LayerRecord:
        """The layer that a record describes."""
        name, type = record.text("name"), record.text("type")
        return cls(record, generation, name, type, record.texts("bottom"), record.texts("top"))

    @property
    def include(self) -> tuple[Record, ...]:
        """The rules (`NetStateRule`) of which one must be met for the layer to be in the net."""
        return self.record.records("include")

    @property
    def exclude(self) -> tuple[Record, ...]:
        """The rules of which none may be met for the layer to be in the net."""
        return self.record.records("exclude")

    @property
    def unknown(self) -> tuple[Field, ...]:
        """The layer's fields that no known Caffe has, as written."""
        return self.record.unknown

    @property
    def span(self) -> Span | None:
        """Where the layer is written."""
        return self.record.span

    def with_record(self, record: Record) -> LayerRecord:
        """The layer with another record."""
        return LayerRecord.of(record, self.generation)


class NetRecord(msgspec.Struct, frozen=True):
    """A net. `record` is its `NetParameter` without layers and inputs; `inputs` names the old-style inputs.

    Old-style inputs (`input`, with `input_dim` or `input_shape`) are also the tops of the first layer, an
    Input layer, as Caffe upgrades them.
    """

    record: Record
    layers: tuple[LayerRecord, ...] = ()
    inputs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The net's name, or the empty string."""
        return self.record.text("name")

    @property
    def state(self) -> Record | None:
        """The state (`NetState`) that the file sets, or None."""
        return self.record.record("state") if self.record.has("state") else None
