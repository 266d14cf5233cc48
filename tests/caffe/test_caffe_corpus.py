"""Whole nets: every file of the corpus is read without error and comes back as the same graph."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.caffe.nets import CORPUS, errors, module_of, read, text_of, written
from transpiler.ir.equality import difference
from transpiler.ir.verifier import verify

LAYERS_NOBODY_KNOWS = {"bvlc_hist_deepface_v0"}
"""A type of V0 that no Caffe has: its fields have no place in today's messages."""


def test_reads_without_error_as_a_sound_graph(corpus_net: Path) -> None:
    module, said = read(text_of(corpus_net))
    assert errors(said) == []
    for graph in module.graphs.values():
        verify(graph)


def test_comes_back_as_the_same_graph(corpus_net: Path) -> None:
    module = module_of(text_of(corpus_net))
    text = written(module)
    again = module_of(text)
    assert difference(module, again) is None
    assert written(again) == text


def test_kit_comes_back_as_the_same_graph(kit_net: Path) -> None:
    module = module_of(text_of(kit_net))
    assert difference(module, module_of(written(module))) is None


def test_protobuf_accepts_what_is_written(corpus_net: Path) -> None:
    text_format = pytest.importorskip("google.protobuf.text_format")
    from transpiler.dialects.caffe.descriptor import net_parameter_class

    source = text_of(corpus_net)
    try:
        text_format.Parse(source, net_parameter_class()())
    except text_format.ParseError:
        pytest.skip("BVLC Caffe's schema does not have all of its fields")
    if corpus_net.stem in LAYERS_NOBODY_KNOWS:
        pytest.skip("it has a layer type that no Caffe has")
    text_format.Parse(written(module_of(source)), net_parameter_class()())


READER = """
import sys, cv2
for path in sys.argv[1:]:
    try:
        print(path, len(cv2.dnn.readNetFromCaffe(path).getLayerNames()), flush=True)
    except cv2.error:
        print(path, "refused", flush=True)
"""


def _opencv(paths: list[Path]) -> dict[str, str]:
    """What OpenCV's importer says of each file. It may crash on one: it is asked again for the rest."""
    found: dict[str, str] = {}
    waiting = [str(path) for path in paths]
    while waiting:
        ran = subprocess.run(
            [sys.executable, "-c", READER, *waiting], capture_output=True, text=True, check=False
        )
        answers = dict(line.rsplit(" ", 1) for line in ran.stdout.splitlines())
        found |= answers
        waiting = [path for path in waiting if path not in answers]
        if waiting and ran.returncode != 0:
            found[waiting.pop(0)] = "crashed"
    return found


@pytest.mark.slow
def test_opencv_accepts_what_is_written_wherever_it_accepted_the_source(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    sources = [path for path in sorted(CORPUS.glob("*.prototxt")) if "_solver_" not in path.stem]
    if not sources:
        pytest.skip("../shared/corpus is absent")
    before = {Path(path).name: said for path, said in _opencv(sources).items()}
    accepted = [
        name for name, said in before.items() if said.isdigit() and Path(name).stem not in LAYERS_NOBODY_KNOWS
    ]
    for name in accepted:
        (tmp_path / name).write_text(written(module_of(text_of(CORPUS / name))))
    after = _opencv([tmp_path / name for name in accepted])
    assert {Path(path).name: said for path, said in after.items()} == {
        name: before[name] for name in accepted
    }
    assert len(accepted) >= 60
