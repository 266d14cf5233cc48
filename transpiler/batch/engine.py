"""The one place where a batch calls the compiler."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from transpiler.diagnostics import Diagnostic
from transpiler.driver.convert import convert_source, target_named
from transpiler.driver.forms import text_form
from transpiler.driver.options import Options, UsageError

_WITH_WEIGHTS: Final = {
    "caffe": (".caffemodel", ".prototxt"),
    "keras": (".keras",),
    "keras2": (".h5",),
    "tensorflow": (".pb",),
}


def results_of(target: str, weights: str | None) -> tuple[str, ...]:
    """The suffixes of the files that each conversion gives; the model itself is the last. Raises UsageError."""
    target_named(target)
    if weights is None:
        return (text_form(target).suffix,)
    if target not in _WITH_WEIGHTS:
        raise UsageError(f"{target} is text without weights; leave --weights out")
    return _WITH_WEIGHTS[target]


def translate(
    source: Path, target: str, options: Options, results: Sequence[str], stem: Path
) -> tuple[Diagnostic, ...]:
    """Convert a file, and write each result to `stem` and a suffix; what is to be said of it.

    Raises CompileError when the model has errors or no exact form in the target, UsageError when the options do not
    suit it, and OSError.
    """
    result = convert_source(source, target, options)
    said = list(result.diagnostics)
    for suffix in results:
        said += result.save(f"{stem}{suffix}")
    return tuple(said)
