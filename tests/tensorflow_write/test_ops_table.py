"""The table of TensorFlow ops against TensorFlow's own registry."""

from __future__ import annotations

import pytest

from transpiler.dialects.tensorflow.write_ops import OPS

pytest.importorskip("tensorflow")


@pytest.mark.parametrize("name", sorted(OPS))
def test_type_attributes_are_those_of_the_registry(name: str) -> None:
    from tensorflow.python.framework import op_def_registry

    real = op_def_registry.get(name)
    assert real is not None
    rule = OPS[name]
    given = {attribute for attribute in (*rule.types, rule.count) if attribute}
    attributes = {attribute.name: attribute for attribute in real.attr}
    assert given <= attributes.keys()
    inputs = list(real.input_arg)
    for attribute, index in rule.types.items():
        assert attributes[attribute].type == "type"
        assert inputs[index].type_attr == attribute or inputs[index].number_attr
    kinds = {attribute for attribute, found in attributes.items() if found.type == "type"}
    results = {rule.result} if isinstance(rule.result, str) else set()
    defaults = {attribute for attribute in kinds if attributes[attribute].HasField("default_value")}
    assert kinds - given - results <= defaults
