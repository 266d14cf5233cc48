"""Names of layers and packages as Keras makes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

OPERATIONS_PACKAGE: Final = "keras.src.ops"
APPLICATIONS_PACKAGE: Final = "keras.src.applications"


def snake_case(class_name: str) -> str:
    """Return a class name as Keras makes layer names of it: Conv2DTranspose is conv2d_transpose."""
    spaced = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "_", class_name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


def unique_name(base: str, taken: Collection[str] | Mapping[str, Any]) -> str:
    """Return a name that is not taken: the base itself, or with the first free number behind it."""
    return base if base not in taken else numbered_name(base, taken)


def numbered_name(base: str, taken: Collection[str] | Mapping[str, Any]) -> str:
    """Return the base with the first free number behind it, counted from 1 as Keras does."""
    number = 1
    while f"{base}_{number}" in taken:
        number += 1
    return f"{base}_{number}"
