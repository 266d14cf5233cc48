"""Both sides run in their real frameworks: what is compared with what, and what is said of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from transpiler.cli import main
from transpiler.diagnostics import CompileError, Source
from transpiler.driver.options import Options, UsageError
from transpiler.verify.api import verify_each, verify_source
from transpiler.verify.report import Report

ROOT = Path(__file__).resolve().parents[2]
LENET = ROOT / "examples" / "lenet.prototxt"
KIT = ROOT / "tests" / "data" / "oracle" / "caffe_layers"
TARGETS = ("caffe", "keras", "keras2", "tensorflow")


def caffe(text: str) -> Source:
    return Source("net", text)


def verified(source: Any, target: str, **options: Any) -> Report:
    form = {"source_format": "caffe"} if isinstance(source, Source) and '"caffe"' not in source.text else {}
    return verify_source(source, target, Options(**{**form, **options}))


@pytest.mark.parametrize("target", TARGETS)
def test_every_tensor_of_lenet_is_the_same(target: str) -> None:
    report = verified(LENET, target)
    assert report.agrees, report.verdict
    assert len(report.rows) + len(report.unmatched) == 8
    assert "OpenCV" in report.reference
    assert not report.notes


def test_several_targets_share_the_runs_of_the_source() -> None:
    net = caffe((KIT / "reduction.prototxt").read_text())
    options = Options(source_format="caffe")
    together = list(verify_each(net, ["keras", "tensorflow", "caffe"], options))
    assert together == [verify_source(net, target, options) for target in ("keras", "tensorflow", "caffe")]


def test_a_target_that_refuses_does_not_keep_the_others() -> None:
    text = """
        %x = input() {shape = [1, 8]} : f32[1, 8]
        %y = gelu(%x) : f32[1, 8]
        return %y
    """
    refused, report = verify_each(Source("net", text), ["caffe", "keras"], Options(source_format="ir"))
    assert isinstance(refused, CompileError)
    assert isinstance(report, Report)
    assert report.agrees


def test_tops_whose_memory_opencv_uses_again_are_not_compared() -> None:
    text = """
        layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 dim: 9 dim: 9 } } }
        layer { name: "twice" type: "Power" bottom: "x" top: "twice" power_param { scale: 2 } }
        layer { name: "cut" type: "Slice" bottom: "twice" top: "a" top: "b" top: "c"
          slice_param { axis: 2 slice_point: 2 slice_point: 6 } }
        layer { name: "unused" type: "Silence" bottom: "a" bottom: "c" }
        layer { name: "again" type: "Slice" bottom: "b" top: "d" top: "e"
          slice_param { axis: 3 slice_point: 4 } }
        layer { name: "last" type: "TanH" bottom: "d" top: "last" }
    """
    report = verified(caffe(text), "keras")
    assert report.agrees, report.verdict
    assert {"b", "c"} <= set(report.unmatched)
    assert {"e", "last"} <= {row.tensor for row in report.rows}


def test_rows_are_in_the_sources_order_and_words() -> None:
    report = verified(LENET, "keras")
    rows = [(row.layer, row.type, row.tensor, row.shape) for row in report.rows]
    assert rows[:2] == [
        ("conv1", "Convolution", "conv1", (1, 20, 24, 24)),
        ("pool1", "Pooling", "pool1", (1, 20, 12, 12)),
    ]
    assert [row.is_output for row in report.rows] == [False] * 6 + [True]


def test_what_is_fused_is_named() -> None:
    assert verified(LENET, "keras").unmatched == ("hidden",)
    assert verified(LENET, "tensorflow").unmatched == ()


class TestDetours:
    """What no framework here runs is compared by way of another target, and the report says so."""

    def test_a_net_that_opencv_refuses(self) -> None:
        report = verified(KIT / "reduction.prototxt", "keras")
        assert report.agrees
        assert "as converted to tensorflow" in report.reference
        assert "could not be run" in report.notes[0]

    def test_a_net_that_opencv_computes_unlike_caffe(self) -> None:
        report = verified(KIT / "inner_product_transpose.prototxt", "tensorflow")
        assert report.agrees
        assert "OpenCV computes InnerProduct `l` otherwise than Caffe" in report.notes[0]

    def test_a_summand_that_opencv_does_not_read(self) -> None:
        text = """
            layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 6 dim: 4 dim: 4 } } }
            layer { name: "y" type: "LRN" bottom: "x" top: "y" lrn_param { k: 2 } }
        """
        report = verified(caffe(text), "keras")
        assert report.agrees
        assert "it ignores k of LRN" in report.notes[0]

    def test_a_written_net_that_opencv_refuses_is_read_back(self) -> None:
        report = verified(KIT / "threshold.prototxt", "caffe")
        assert report.agrees
        assert "read back and converted to tensorflow" in report.candidate
        assert "as converted to keras" in report.reference

    def test_a_network_that_is_in_no_file(self) -> None:
        from transpiler.builder import Network

        net = Network("made")
        x = net.input("image", (3, 8, 8))
        report = verify_source(net.module(net.relu(net.conv(x, 4, 3, name="conv"))), "keras")
        assert report.agrees
        assert "made in Python" in report.notes[0]

    def test_text_that_only_this_program_reads(self) -> None:
        text = "%a = input() {shape = [2, 3]}\n%b = dense(%a) {units = 4}\n%c = softmax(%b)\nreturn %c"
        report = verify_source(Source("net", text), "tensorflow", Options(source_format="ir"))
        assert report.agrees
        assert "no framework reads IR text" in report.notes[0]


class TestRefusals:
    def test_a_layer_that_nobody_knows(self) -> None:
        text = """
        layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
        layer { name: "odd" type: "Odd" bottom: "x" top: "y" }
        """
        with pytest.raises(CompileError) as error:
            verified(caffe(text), "caffe")
        assert error.value.diagnostics[-1].code == "T8104"

    def test_a_network_that_does_not_fit_in_memory(self) -> None:
        text = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 99999 dim: 99999 } } }'
        text += 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }'
        with pytest.raises(CompileError) as error:
            verified(caffe(text), "keras")
        assert error.value.diagnostics[-1].code == "T8106"

    def test_a_layer_without_an_exact_form(self) -> None:
        text = """
        layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
        layer { name: "p" type: "Pooling" bottom: "x" top: "y" pooling_param { pool: STOCHASTIC kernel_size: 2 } }
        """
        with pytest.raises(CompileError) as error:
            verified(caffe(text), "keras")
        assert error.value.diagnostics[-1].code == "T5002"

    def test_a_target_that_nothing_runs(self) -> None:
        with pytest.raises(UsageError, match="nothing runs 'ir'"):
            verified(LENET, "ir")


class TestCommand:
    def test_same(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["verify", str(LENET), "--to", "keras"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["layer", "type", "tensor", "shape", "absolute", "relative"]
        assert lines[1].split()[:5] == ["conv1", "Convolution", "conv1", "1", "x"]
        assert lines[-1].startswith("SAME: 7 tensors within 0.001, the farthest ")

    def test_different(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["verify", str(LENET), "--to", "keras", "--tolerance", "0", "--format", "json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert not found["agrees"]
        assert found["first_divergent"] == next(row["tensor"] for row in found["tensors"] if row["diverges"])
        assert found["verdict"].startswith("DIVERGES")

    def test_weights_of_a_file(self, capsys: pytest.CaptureFixture[str]) -> None:
        net = KIT / "se_gate"
        command = ["verify", f"{net}.prototxt", "--to", "tensorflow", "--weights", f"{net}.npz"]
        assert main([*command, "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["weights"] == "se_gate.npz"

    def test_without_the_framework_it_says_what_to_install(self) -> None:
        blocked = "import sys; sys.modules['keras'] = None; from transpiler.cli import main; "
        code = f"{blocked}sys.exit(main(['verify', {str(LENET)!r}, '--to', 'keras']))"
        done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
        assert done.returncode == 1
        assert "T8101" in done.stderr
        assert "pip install 'transpiler[keras]'" in done.stderr
