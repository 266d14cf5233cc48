"""The files that are damaged: small ones of our own, and the corpus where it is present."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
OWN: Final = tuple(sorted((_HERE / "data").glob("*.*")))
CORPUS: Final = _HERE.parents[2] / "shared" / "corpus"
"""Real files of other people, beside the checkout; absent in a plain clone."""
KINDS: Final = {"caffe": "*.prototxt", "keras": "*.json", "tensorflow": "*.pbtxt"}
"""The folders of the corpus, and which of their files are read."""


def all_inputs(kinds: tuple[str, ...] = tuple(KINDS)) -> tuple[Path, ...]:
    """The own files, then those of the corpus of these kinds, sorted."""
    return (*OWN, *(path for kind in kinds for path in sorted(CORPUS.glob(f"{kind}/{KINDS[kind]}"))))


def binary_graphs(folder: Path) -> tuple[Path, ...]:
    """The corpus' TensorFlow graphs in binary form, written to a folder by TensorFlow's own classes."""
    from google.protobuf import text_format
    from tensorflow.core.framework.graph_pb2 import GraphDef

    made = []
    for source in sorted(CORPUS.glob("tensorflow/*.pbtxt")):
        graph = GraphDef()
        try:
            text_format.Parse(source.read_text(), graph)
        except text_format.ParseError:  # a MetaGraphDef, or another program's dialect
            continue
        path = folder / f"{source.stem}.pb"
        path.write_bytes(graph.SerializeToString(deterministic=True))
        made.append(path)
    return tuple(made)
