"""The text form as people see it: one canonical text, what may be left out, and what is said of mistakes."""

from __future__ import annotations

import time

import pytest

from transpiler.diagnostics import CompileError, Diagnostic, Sink, Source
from transpiler.ir import Module, Permute, Reshape
from transpiler.ir.text.printer import print_module, print_node
from transpiler.parsers import irtext
from transpiler.passes.lower.irtext import lower

CANONICAL = """\
module "lenet" from caffe native {
extras {caffe = {force_backward = true}}
graph TEST "lenet" {
  extras {caffe = {debug_info = false}}
  %data = input() {shape = [64, 1, 28, 28]} : f32[64, 1, 28, 28] from Input
  %conv1 = conv(%data) {filters = 20, kernel = [5, 5], strides = [1, 1], dilations = [1, 1]} : \
f32[64, 20, 24, 24] from Convolution
      extras {caffe = {weight_filler = {type = "xavier"}, param = [{lr_mult = 1.0}]}}
  %conv1/relu = relu(%conv1) : f32[64, 20, 24, 24] from ReLU of relu1 native conv1
  %pool1 = max_pool(%conv1/relu) {kernel = [2, 2], strides = [2, 2], padding = same_upper} : \
f32[64, 20, 12, 12] from Pooling
  %ip1.0, %ip1.1 = split(%pool1) {count = 2} : f32[64, 10, 12, 12], f32[64, 10, 12, 12] from Slice native a, -
  silence(%ip1.1) as quiet from Silence
      extras {}
  %"class scores" = dense(%ip1.0) {units = 10} : f32[64, 10] as ip2 from InnerProduct in outer/inner native ip2
      params {kernel = @shared | reshape [10, 10, 144] | permute [0, 2, 1], bias = constant 0.0}
  return %"class scores"
}
}
"""


def read(text: str) -> Module:
    sink = Sink()
    module = lower(irtext.parse(text, "test.ir"), "test", sink)
    sink.raise_if_errors()
    return module


def complaints(text: str) -> list[Diagnostic]:
    sink = Sink()
    tree = irtext.parse_source(Source("test.ir", text), sink)
    if not sink.has_errors:
        lower(tree, "test", sink)
    return sink.diagnostics


def test_canonical_text_is_read_and_printed_unchanged() -> None:
    assert print_module(read(CANONICAL)) == CANONICAL


def test_everything_written_is_understood() -> None:
    nodes = {node.name: node for node in read(CANONICAL).graph("TEST").nodes}
    assert nodes["conv1/relu"].origin.layer == "relu1"
    assert nodes["conv1/relu"].result.native == "conv1"
    assert [value.native for value in nodes["ip1"].results] == ["a", None]
    use = nodes["ip2"].param("kernel")
    assert (use.symbol, use.relayouts) == ("shared", (Reshape((10, 10, 144)), Permute((0, 2, 1))))
    assert nodes["ip2"].scope == "outer/inner"
    assert nodes["ip2"].span is not None
    assert nodes["ip2"].span.line == 13


def test_module_and_graph_may_be_left_out() -> None:
    module = read("%x = input() {shape = [?, 3]} : f32[?, 3]  # anything\n%y = relu(%x)\nreturn %y")
    assert (module.name, module.framework, list(module.graphs)) == ("test", "ir", [""])
    assert print_node(module.graph("").nodes[0]) == "%x = input() {shape = [?, 3]} : f32[?, 3]"


def test_ops_inside_ops() -> None:
    text = (
        "%y = bidirectional(%x) {forward = lstm {units = 3, activation = relu}, backward = lstm {units = 3}}"
    )
    module = read(f"%x = input()\n{text}\nreturn %y")
    assert print_node(module.graph("").nodes[1]) == text


@pytest.mark.parametrize(
    ("line", "code", "column", "words"),
    [
        ("%y = rellu(%x)", "T0310", 6, "no op rellu"),
        ("%y = relu(%x) {slope = 1.0}", "T0311", 16, "no field slope"),
        ("%y = dense(%x)", "T0312", 6, "dense needs units"),
        ("%y = dense(%x) {units = 0}", "T0313", 25, "less than 1"),
        ("%y = dense(%x) {units = some}", "T0313", 25, "not an integer"),
        ("%y = lstm(%x) {units = 1, activation = tan}", "T0310", 40, "no op tan"),
        ("%y = softmax_loss(%x)", "T0314", 6, "at least 2 operands, not 1"),
        ("%y = relu(%z)", "T0315", 11, "%z is not defined"),
        ("%x = relu(%x)", "T0316", 1, "defined twice"),
        ("%y = relu(%x) as x", "T0316", 18, "two nodes are named x"),
        ("%y, %z = relu(%x)", "T0317", 10, "1 results, not 2"),
        ("%y = relu(%x) : f32[1], f32[1]", "T0317", 17, "2 types"),
        ("%y = relu(%x) : f99[1]", "T0318", 17, "no element type"),
        ("%y = relu(%x) : f32[8, 4]", "T0319", 17, "declared as f32[8, 4], but relu gives f32[8, 3]"),
        ("%y = repeat_vector(%z) {count = 2}", "T0315", 20, "%z"),
        ("%y = transpose(%x) {axes = [0, 2, 1]} : f32[1]", "T0320", 6, "3 axes does not fit"),
        ("%y = dense(%x) {units = 1} params {kernl = @a}", "T0321", 36, "no parameter kernl"),
        ("%y = dense(%x) {units = 1} params {bias = @a | permute [1]}", "T0321", 56, "each axis once"),
        ("%y = relu(%x) {threshold = 1, threshold = 2}", "T0322", 31, "given twice"),
        ("%y = relu(%x) extras {caffe = 1}", "T0323", 23, "in braces"),
        ("%y = relu %x", "T0301", 11, "'(' was expected, not `%x`"),
        ("%y = relu(%x) {a = !}", "T0302", 20, "not '!'"),
        ('%y = relu(%x) {a = "b}', "T0303", 20, "not closed"),
        ("%y = relu(%x) {a = " + "9" * 2000 + "}", "T0304", 20, "2000 characters"),
        ("%y = relu(%x) {a = " + "[" * 5000 + "}", "T0305", 119, "more than 100 brackets"),
    ],
)
def test_mistakes_are_reported_where_they_stand(line: str, code: str, column: int, words: str) -> None:
    first, *_ = complaints(f"%x = input() {{shape = [8, 3]}} : f32[8, 3]\n{line}\nreturn %x")
    assert first.span is not None
    assert (first.code, first.span.line, first.span.column) == (code, 2, column), first
    assert words in first.message


def test_what_was_probably_meant_is_offered() -> None:
    first, *_ = complaints("%data = input()\n%y = rellu(%data)\nreturn %y")
    assert first.help == "did you mean relu?"
    assert [fix.replacement for fix in first.fixes] == ["relu"]


def test_several_syntax_errors_are_reported_at_once() -> None:
    text = 'graph "g" {\n%a = \n%b = relu(%a\n%c = relu(%b) {x 1}\nreturn %c\n}'
    assert [diagnostic.span.line for diagnostic in complaints(text) if diagnostic.span] == [3, 4, 4]


def test_syntax_errors_raise_one_exception() -> None:
    with pytest.raises(CompileError):
        irtext.parse("graph {")


def test_empty_text_is_an_error() -> None:
    assert [diagnostic.code for diagnostic in complaints("")] == ["T0301"]


def test_byte_order_mark_and_windows_line_ends_are_read() -> None:
    assert print_module(read("\ufeff" + CANONICAL.replace("\n", "\r\n"))) == CANONICAL


def test_reading_takes_linear_time() -> None:
    def seconds(count: int) -> float:
        lines = [f"%v{i + 1} = relu(%v{i}) : f32[1, 2] from ReLU" for i in range(count)]
        text = "\n".join(["%v0 = input() : f32[1, 2]", *lines, f"return %v{count}"])
        start = time.perf_counter()
        print_module(read(text.replace("input()", "input() {shape = [1, 2]}")))
        return time.perf_counter() - start

    seconds(10)
    assert seconds(2000) < 25 * max(seconds(200), 0.01)
