"""What the zoo says of a network beside the network itself."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from transpiler.ir import Module


class Entry(msgspec.Struct, frozen=True):
    """One network: where it was published, which of its variants this is, and what builds it."""

    name: str
    """What `zoo show` and `zoo export` take."""
    title: str
    publication: str
    """Authors, title, where and when."""
    variant: str
    """Which of the published forms this is, and what was chosen where the publication leaves a choice."""
    parameters: int
    """Learned numbers, moving averages included, those of shared layers once."""
    build: Callable[[], Module]
