"""Reading messages against the schema: types, places, diagnostics, and the way back."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transpiler.diagnostics import Diagnostic, Severity, Sink
from transpiler.dialects.caffe.schema import LAYER, MESSAGES, NET, FieldSpec, FieldType, MessageSpec
from transpiler.dialects.caffe.typed import Plain, Record, from_plain, read_message, to_plain
from transpiler.dialects.caffe.upgrade import read_net
from transpiler.parsers.textproto import parse
from transpiler.syntax.symbol import Symbol
from transpiler.syntax.textproto import Field, Message, print_textproto


def read(text: str, spec: MessageSpec = LAYER) -> tuple[Record, list[Diagnostic]]:
    sink = Sink()
    return read_message(parse(text), spec, sink), sink.diagnostics


def read_cleanly(text: str, spec: MessageSpec = LAYER) -> Record:
    record, found = read(text, spec)
    assert found == []
    return record


def only(text: str, spec: MessageSpec = LAYER) -> Diagnostic:
    (found,) = read(text, spec)[1]
    return found


def param(name: str, body: str) -> Record:
    return read_cleanly(f"{name} {{ {body} }}").record(name)


# values


def test_values_and_defaults() -> None:
    layer = read_cleanly('name: "c" type: "Convolution" convolution_param { num_output: 8 pad: 1 pad: 2 }')
    conv = layer.record("convolution_param")
    assert layer.text("name") == "c"
    assert (conv.integer("num_output"), conv.integers("pad"), conv.integers("stride")) == (8, (1, 2), ())
    assert conv.flag("bias_term") is True
    assert conv.get("engine") == Symbol("DEFAULT")
    assert isinstance(conv.get("engine"), Symbol)
    assert not conv.has("bias_term")
    assert layer.get("pooling_param") is None
    assert layer.record("pooling_param").text("pool") == "MAX"
    assert layer.record("lrn_param").number("beta") == 0.75


@pytest.mark.parametrize("written", ["true", "True", "t", "1", "0x1", "01"])
def test_true(written: str) -> None:
    assert param("mvn_param", f"across_channels: {written}").get("across_channels") is True


@pytest.mark.parametrize("written", ["false", "False", "f", "0", "0x0"])
def test_false(written: str) -> None:
    assert param("mvn_param", f"normalize_variance: {written}").get("normalize_variance") is False


@pytest.mark.parametrize(
    ("written", "value"),
    [("1", 1.0), ("1.5f", 1.5), ("-2", -2.0), ("1e-3", 1e-3), ("inf", math.inf), ("-inf", -math.inf),
     ("Infinity", math.inf), ("1e39", math.inf), ("-1e39", -math.inf), ("9" * 400, math.inf)],
)  # fmt: skip
def test_float(written: str, value: float) -> None:
    got = param("power_param", f"power: {written}").get("power")
    assert got == value
    assert isinstance(got, float)


def test_nan() -> None:
    assert math.isnan(param("power_param", "power: nan").number("power"))


def test_double_keeps_what_float_cannot() -> None:
    assert read_cleanly("double_data: 1e300", MESSAGES["BlobProto"]).numbers("double_data") == (1e300,)


@pytest.mark.parametrize("written", ["AVE", "1"])
def test_enum_by_name_and_number(written: str) -> None:
    value = param("pooling_param", f"pool: {written}").get("pool")
    assert value == "AVE"
    assert isinstance(value, Symbol)


def test_strings_join_and_bytes_stay_bytes() -> None:
    assert read_cleanly("name: 'a' \"b\"").text("name") == "ab"
    assert read_cleanly(r'data: "\377\000"', MESSAGES["Datum"]).get("data") == b"\xff\x00"


def test_places() -> None:
    text = 'bottom: "a"\nbottom: "b"\nconvolution_param { kernel_size: 3 }'
    layer = read_cleanly(text)
    second, conv = layer.span_of("bottom", 1), layer.record("convolution_param")
    assert second is not None
    assert second.text == 'bottom: "b"'
    kernel = conv.span_of("kernel_size")
    assert kernel is not None
    assert kernel.text == "kernel_size: 3"
    assert conv.span is not None
    assert conv.span.text == "{ kernel_size: 3 }"
    assert conv.span_of("pad") == conv.span
    assert conv.span_of("pad", 5) == conv.span


def test_asking_for_what_the_schema_does_not_have() -> None:
    layer = read_cleanly('name: "x"')
    with pytest.raises(KeyError):
        layer.get("nonsense")
    with pytest.raises(TypeError):
        layer.integer("name")
    with pytest.raises(TypeError):
        layer.record("name")
    with pytest.raises(TypeError):
        layer.integers("name")


# repetition


def test_the_last_scalar_wins_with_a_warning() -> None:
    layer, found = read('name: "a" name: "b"')
    assert layer.text("name") == "b"
    assert [(one.code, one.severity) for one in found] == [("T1005", Severity.WARNING)]
    assert found[0].related[0][0].column == 1


def test_messages_merge_with_a_warning() -> None:
    layer, found = read("lrn_param { k: 2 alpha: 1 } lrn_param { alpha: 3 }")
    lrn = layer.record("lrn_param")
    assert (lrn.number("k"), lrn.number("alpha")) == (2.0, 3.0)
    assert {one.code for one in found} == {"T1005"}


# misfits


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("name: 3", "T1003", 7),
        ("name: lenet", "T1003", 7),
        ("name { }", "T1003", 1),
        ("convolution_param: 3", "T1003", 20),
        ("convolution_param { num_output: 1.5 }", "T1003", 33),
        ('convolution_param { num_output: "8" }', "T1003", 33),
        ("convolution_param { num_output: -1 }", "T1004", 33),
        ("convolution_param { num_output: 4294967296 }", "T1004", 33),
        ("convolution_param { axis: 2147483648 }", "T1004", 27),
        ("reshape_param { shape { dim: 9223372036854775808 } }", "T1004", 30),
        ("convolution_param { bias_term: 2 }", "T1003", 32),
        ("convolution_param { bias_term: TRUE }", "T1003", 32),
        ("pooling_param { pool: MIN }", "T1006", 23),
        ("pooling_param { pool: 7 }", "T1006", 23),
        ('pooling_param { pool: "MAX" }', "T1003", 23),
        ("power_param { power: x }", "T1003", 22),
        ('power_param { power: "1" }', "T1003", 22),
        ("clip_param { min: 0 }", "T1008", 12),
    ],
)
def test_misfits_are_errors_with_places(text: str, code: str, column: int) -> None:
    found = only(text)
    assert (found.code, found.severity) == (code, Severity.ERROR)
    assert found.span is not None
    assert found.span.column == column


@pytest.mark.parametrize(
    ("text", "replacement"),
    [
        ("name: lenet", '"lenet"'),
        ("convolution_param { num_output: 20.0 }", "20"),
        ('convolution_param { num_output: "20" }', "20"),
        ("convolution_param { bias_term: FALSE }", "false"),
        ('pooling_param { pool: "AVE" }', "AVE"),
        ("pooling_param { pool: ave }", "AVE"),
        ("convolution_param { kernal_size: 3 }", "kernel_size"),
        ("convolutoin_param { }", "convolution_param"),
    ],
)
def test_misfits_offer_fixes(text: str, replacement: str) -> None:
    (fix,) = only(text).fixes
    assert fix.replacement == replacement
    assert read(text[: fix.span.start] + replacement + text[fix.span.end :])[1] == []


def test_what_does_not_fit_is_left_out() -> None:
    layer, _ = read('convolution_param { pad: 1 pad: x pad: 3 num_output: "a" }')
    conv = layer.record("convolution_param")
    assert conv.integers("pad") == (1, 3)
    assert not conv.has("num_output")


# what BVLC Caffe does not know


def test_unknown_fields_are_kept_and_reported_once() -> None:
    layer, found = read("convolution_param { foo: 1 bar { baz: x } foo: 2 }")
    conv = layer.record("convolution_param")
    assert [field.name for field in conv.unknown] == ["foo", "foo", "bar"]
    assert [(one.code, one.severity) for one in found] == [("T1001", Severity.WARNING)] * 2
    assert found[0].notes == ("It is written 2 times; this is the first.",)
    assert to_plain(conv) == {"foo": [1, 2], "bar": {"baz": Symbol("x")}}


def test_a_field_in_the_wrong_message_is_explained() -> None:
    assert only("force_backward: true").help == "`force_backward` is a field of NetParameter"


def test_the_common_ending_is_no_likeness() -> None:
    assert only("topk_param { k: 3 }").help is None


def test_forks() -> None:
    layer, found = read("permute_param { order: 0 order: 2 } pooling_param { ceil_mode: false }")
    assert [(one.code, one.severity) for one in found] == [("T1002", Severity.NOTE)] * 2
    assert layer.record("permute_param").integers("order") == (0, 2)
    assert "permute_param" in layer.fork
    assert "permute_param" not in layer.values
    assert layer.record("pooling_param").flag("ceil_mode") is False


def test_a_misfit_in_a_fork_is_kept_as_written() -> None:
    layer, found = read("upsample_param { scale: 1.5 }")
    assert [(one.code, one.severity) for one in found if one.code != "T1002"] == [("T1009", Severity.WARNING)]
    assert to_plain(layer) == {"upsample_param": {"scale": 1.5}}


def test_enum_values_of_forks() -> None:
    layer, found = read("convolution_param { engine: MKL2017 }")
    assert [one.code for one in found] == ["T1007"]
    assert layer.record("convolution_param").text("engine") == "MKL2017"


# plain data


def test_plain() -> None:
    layer = read_cleanly(
        'type: "Pooling" name: "p" bottom: "a" include { phase: TEST } pooling_param { pool: MAX pad: 1 }'
    )
    assert to_plain(layer) == {
        "name": "p",
        "type": "Pooling",
        "bottom": ["a"],
        "include": [{"phase": Symbol("TEST")}],
        "pooling_param": {"pool": Symbol("MAX"), "pad": 1},
    }


def test_from_plain_writes_in_the_usual_order() -> None:
    plain: dict[str, Plain] = {
        "extra": [1, Symbol("x")],
        "pooling_param": {"kernel_size": 2, "pool": "MAX"},
        "param": [{"lr_mult": 1.0}],
        "top": ["b"],
        "bottom": ["a"],
        "type": "Pooling",
        "name": "p",
    }
    assert " ".join(print_textproto(from_plain(plain, LAYER)).split()) == (
        'name: "p" type: "Pooling" bottom: "a" top: "b" param { lr_mult: 1.0 } '
        "pooling_param { pool: MAX kernel_size: 2 } extra: 1 extra: x"
    )


def test_from_plain_refuses_what_text_cannot_say() -> None:
    with pytest.raises(TypeError):
        from_plain({"name": None}, LAYER)  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="not a field name"):
        from_plain({"no name": 1}, LAYER)


# laws

_NAMES = st.sampled_from(
    [*sorted({name for spec in MESSAGES.values() for name in spec.field_names}), "foo", "[a.b]", "Foo"]
)
_SCALARS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.booleans(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.sampled_from(["MAX", "TRAIN", "CONVOLUTION", "inf", "t", "foo", "CUDNN"]).map(Symbol),
)


def _messages(depth: int) -> st.SearchStrategy[Message]:
    value: st.SearchStrategy[Any] = _SCALARS if depth == 0 else st.one_of(_SCALARS, _messages(depth - 1))
    fields = st.builds(Field.make, _NAMES, value)
    return st.lists(fields, max_size=6).map(lambda items: Message(tuple(items)))


_ANY_SPEC = st.sampled_from(sorted(MESSAGES)).map(MESSAGES.__getitem__)


@given(_messages(3), _ANY_SPEC)
def test_arbitrary_messages_never_raise(message: Message, spec: MessageSpec) -> None:
    read_message(message, spec, Sink())


@given(_messages(3), st.sampled_from(["layer", "layers", "input", "input_dim", "input_shape"]))
def test_arbitrary_nets_never_raise(message: Message, name: str) -> None:
    read_net(message, Sink())
    read_net(Message((Field.make(name, message), Field.make("input", "x"), *message.fields)), Sink())


@given(_messages(3), _ANY_SPEC)
def test_writing_back_any_message_means_the_same(message: Message, spec: MessageSpec) -> None:
    record = read_message(message, spec, Sink())
    text = print_textproto(from_plain(to_plain(record), spec))
    again = read_message(parse(text), spec, Sink())
    assert print_textproto(from_plain(to_plain(again), spec)) == text


def _fitting(field: FieldSpec, depth: int) -> st.SearchStrategy[Any]:
    """Values that fit a field."""
    if field.enum is not None:
        return st.sampled_from(field.enum.names).map(Symbol)
    if field.message is not None:
        return _records(MESSAGES[field.message], depth - 1)
    ranges = {FieldType.INT32: (-(2**31), 2**31 - 1), FieldType.UINT32: (0, 2**32 - 1)}
    match field.type:
        case FieldType.FLOAT | FieldType.DOUBLE:
            return st.floats(width=32, allow_nan=False)
        case FieldType.BOOL:
            return st.booleans()
        case FieldType.STRING:
            return st.text(max_size=5)
        case FieldType.BYTES:
            return st.binary(max_size=5)
        case _:
            return st.integers(*ranges.get(field.type, (-(2**63), 2**63 - 1)))


def _records(spec: MessageSpec, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Plain messages that fit a spec, messages no deeper than `depth`."""
    fields = [field for field in spec.fields if depth > 0 or field.message is None]
    required = {field.name for field in fields if field.label.value == "required"}
    values = {
        field.name: st.lists(_fitting(field, depth), min_size=1, max_size=2)
        if field.is_repeated
        else _fitting(field, depth)
        for field in fields
    }
    chosen = st.sets(st.sampled_from(sorted(values)), max_size=4) if values else st.just(set[str]())
    return chosen.flatmap(
        lambda names: st.fixed_dictionaries({name: values[name] for name in sorted(names | required)})
    )


@settings(max_examples=60)
@given(st.sampled_from([LAYER, NET, MESSAGES["V1LayerParameter"], MESSAGES["FillerParameter"]]).flatmap(
    lambda spec: st.tuples(st.just(spec), _records(spec, 2))
))  # fmt: skip
def test_plain_data_survives_text(case: tuple[MessageSpec, dict[str, Any]]) -> None:
    spec, plain = case
    sink = Sink()
    record = read_message(parse(print_textproto(from_plain(plain, spec))), spec, sink)
    assert sink.diagnostics == []
    again = read_message(from_plain(to_plain(record), spec), spec, Sink())
    assert again == record
    assert set(to_plain(record)) == set(plain)
