"""A transpiler of neural-network descriptions: Caffe, Keras and TensorFlow, each into the others.

    import transpiler

    print(transpiler.convert("vgg16.prototxt", to="keras").text)

`read`, `inspect`, `convert` and `check` mirror the commands. Importing this package loads nothing else of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transpiler.diagnostics import CompileError, Diagnostic, Severity, Sink, Source
    from transpiler.driver.api import check, convert, forget, inspect, read
    from transpiler.driver.convert import Conversion
    from transpiler.driver.description import Description
    from transpiler.ir import Graph, Module

__version__ = "0.1.0"

__all__ = [
    "CompileError",
    "Conversion",
    "Description",
    "Diagnostic",
    "Graph",
    "Module",
    "Severity",
    "Sink",
    "Source",
    "check",
    "convert",
    "forget",
    "inspect",
    "read",
]

_HOMES = {
    "CompileError": "transpiler.diagnostics",
    "Conversion": "transpiler.driver.convert",
    "Description": "transpiler.driver.description",
    "Diagnostic": "transpiler.diagnostics",
    "Graph": "transpiler.ir",
    "Module": "transpiler.ir",
    "Severity": "transpiler.diagnostics",
    "Sink": "transpiler.diagnostics",
    "Source": "transpiler.diagnostics",
    "check": "transpiler.driver.api",
    "convert": "transpiler.driver.api",
    "forget": "transpiler.driver.api",
    "inspect": "transpiler.driver.api",
    "read": "transpiler.driver.api",
}
"""Where each public name is defined; it is loaded when first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'transpiler' has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
