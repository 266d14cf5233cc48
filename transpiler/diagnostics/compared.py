"""Records that say themselves when they are equal: where a thing is written is no part of what it is."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class OwnEquality(msgspec.Struct, eq=False):
    """A record whose class defines `==` and `hash`. The `!=` of msgspec would not follow that."""

    def __ne__(self, other: object) -> bool:
        return not self == other


class Compared(msgspec.Struct, frozen=True, eq=False):
    """A frozen record that is equal to another of its class when all fields but those in `beside` are."""

    beside: ClassVar[frozenset[str]] = frozenset()

    def _key(self) -> tuple[object, ...]:
        return tuple([getattr(self, name) for name in self.__struct_fields__ if name not in self.beside])

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and self._key() == other._key())

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), self._key()))
