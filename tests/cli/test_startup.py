"""A conversion of text to text starts fast because it loads little: no framework, and nothing that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NET = """
name: "tiny"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" inner_product_param { num_output: 4 } }
"""
FRAMEWORKS = {"cv2", "google", "h5py", "keras", "onnx", "tensorflow", "tf_keras", "torch"}
NOT_NEEDED = {
    "celery",
    "click",
    "difflib",
    "fsspec",
    "inspect",
    "lark",
    "networkx",
    "numpy",
    "pathlib",
    "redis",
    "rich",
    "shutil",
    "socket",
    "typing_extensions",
}
SCRIPT = """
import atexit, json, sys
from transpiler.__main__ import run
found = sys.argv.pop(1)
atexit.register(lambda: open(found, "w").write(json.dumps(sorted(sys.modules))))
run()
"""


def loaded_by(folder: Path, *arguments: str) -> set[str]:
    """The modules that a command has loaded by its end, in a fresh process."""
    found = folder / "modules.json"
    subprocess.run([sys.executable, "-c", SCRIPT, str(found), *arguments], check=True, capture_output=True)
    return set(json.loads(found.read_text()))


@pytest.mark.parametrize("target", ["keras", "caffe", "ir", "tensorflow"])
def test_text_to_text_loads_no_framework(tmp_path: Path, target: str) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(NET)
    modules = loaded_by(tmp_path, "convert", str(net), "--to", target, "-o", str(tmp_path / "out"))
    assert not FRAMEWORKS & modules


def test_prototxt_to_keras_loads_only_its_own_road(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(NET)
    modules = loaded_by(tmp_path, "convert", str(net), "--to", "keras", "-o", str(tmp_path / "out.json"))
    assert not (FRAMEWORKS | NOT_NEEDED) & modules
    rooms = {name for name in modules if name.startswith("transpiler.")}
    assert "transpiler.dialects.keras.reader" not in rooms
    assert "transpiler.parsers.textproto_careful" not in rooms
    assert "transpiler.ops.registry" not in rooms
    assert not rooms & {
        f"transpiler.dialects.keras.rows_{name}" for name in ("attention", "operations", "wrappers")
    }
    assert not any(name.startswith("transpiler.dialects.tensorflow") for name in rooms)
    commands = {name for name in rooms if name.startswith("transpiler.cli.")}
    assert not commands & {
        f"transpiler.cli.{name}" for name in ("batch", "check", "golden", "inspect", "ops")
    }


def test_the_package_alone_loads_nothing_of_it(tmp_path: Path) -> None:
    found = tmp_path / "modules.json"
    script = f"import transpiler, json, sys; open({str(found)!r}, 'w').write(json.dumps(sorted(sys.modules)))"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert not [name for name in json.loads(found.read_text()) if name.startswith("transpiler.")]


def test_nobody_looks_for_garbage_while_the_command_loads(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(NET)
    script = """
import atexit, gc, sys
from transpiler.__main__ import run
looked = lambda: sum(generation["collections"] for generation in gc.get_stats())
before = looked()
atexit.register(lambda: print(looked() - before, file=sys.stderr))
run()
"""
    command = [sys.executable, "-c", script, "convert", str(net), "--to", "keras", "--quiet"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stderr) <= 1


def test_what_the_start_leaves_out_can_still_be_had() -> None:
    script = (
        "import atexit; from transpiler.__main__ import run; "
        "atexit.register(lambda: __import__('typing_extensions').get_type_hints(int)); run()"
    )
    pytest.importorskip("typing_extensions")
    done = subprocess.run(
        [sys.executable, "-c", script, "zoo", "list"], check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
