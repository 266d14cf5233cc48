"""Networks of the literature, written with `transpiler.builder` after their publications.

`build("vgg16")` gives the module; each file has the function it comes from, with the choices that its family leaves.
"""

from transpiler.zoo.catalogue import NETWORKS, UnknownNetwork, build, entry
from transpiler.zoo.entry import Entry

__all__ = ["NETWORKS", "Entry", "UnknownNetwork", "build", "entry"]
