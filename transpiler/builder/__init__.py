"""Writing a network in Python: calls that build the graph, shapes inferred as they are made.

A network written here is a `Module` like any that is read from a file: `transpiler.convert(module, to="keras")`.
"""

from transpiler.builder.core import Learned, Named, NetworkError
from transpiler.builder.network import Network
from transpiler.builder.windows import PaddingLike, Sizes

__all__ = ["Learned", "Named", "Network", "NetworkError", "PaddingLike", "Sizes"]
