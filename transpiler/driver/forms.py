"""The files that a converted model can be written to: which suffix is which, and what each holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from transpiler.diagnostics import Sink
from transpiler.driver.options import UsageError
from transpiler.ir import DType, LazyArray

if TYPE_CHECKING:
    from transpiler.dialects.keras.writer import Written
    from transpiler.dialects.rows import ArrayUse
    from transpiler.driver.legal import Legal
    from transpiler.ir.arrays import Array as Numbers
    from transpiler.weights.plan import LayerPlan
    from transpiler.weights.store import Store
    from transpiler.weights.writing import LayerArrays

Writer = Callable[["Legal", str, Sink], None]


class Form(msgspec.Struct, frozen=True):
    """One kind of file. `is_text`: it is the conversion's text; `needs_weights`: it cannot be without numbers."""

    suffix: str
    targets: tuple[str, ...]
    words: str
    write: Writer
    needs_weights: bool = True
    is_text: bool = False
    holds_model: bool = True
    """Whether it describes the network, not the weights alone."""


def _text(legal: Legal, path: str, sink: Sink) -> None:
    raise AssertionError("text is written by the conversion itself")


def _keras_archive(legal: Legal, path: str, sink: Sink) -> None:
    from transpiler.emitters.keras import write
    from transpiler.syntax.json import from_python, print_json
    from transpiler.weights.writing import write_keras_archive

    written = write(legal.module, 3)
    write_keras_archive(path, print_json(from_python(written.document)), _keras_layers(written, legal))


def _keras_weights(legal: Legal, path: str, sink: Sink) -> None:
    from transpiler.emitters.keras import write
    from transpiler.syntax.json import from_python, print_json
    from transpiler.weights.writing import write_keras_weights

    written = write(legal.module, 3)
    write_keras_weights(path, print_json(from_python(written.document)), _keras_layers(written, legal))


def _keras2_file(legal: Legal, path: str, sink: Sink) -> None:
    from transpiler.emitters.keras import write
    from transpiler.syntax.json import from_python, print_json
    from transpiler.weights.writing import write_keras_h5

    written = write(legal.module, 2)
    write_keras_h5(path, print_json(from_python(written.document)), _keras_layers(written, legal))


def _caffemodel(legal: Legal, path: str, sink: Sink) -> None:
    from transpiler.weights.writing import write_caffemodel

    write_caffemodel(path, legal.module.name, _caffe_layers(legal))


def _npz(planned: Callable[[Legal], Iterable[LayerArrays]]) -> Writer:
    def write_arrays(legal: Legal, path: str, sink: Sink) -> None:
        from transpiler.weights.writing import write_npz

        write_npz(path, planned(legal))

    return write_arrays


def _graph(legal: Legal, path: str, sink: Sink) -> None:
    from pathlib import Path

    from transpiler.emitters.tensorflow_files import write_graph

    write_graph(legal.module, Path(path), None if legal.store is None else legal.store.native)


def _saved_model(legal: Legal, path: str, sink: Sink) -> None:
    from pathlib import Path

    from transpiler.emitters.tensorflow_files import write_saved_model

    assert legal.store is not None
    write_saved_model(legal.module, Path(path), legal.store.native)


def _keras_layers(written: Written, legal: Legal) -> Iterator[LayerArrays]:
    from transpiler.emitters.keras_weights import weight_plan

    assert written.model is not None
    return _filled(weight_plan(written.model), legal)


def _keras_arrays(generation: int) -> Callable[[Legal], Iterator[LayerArrays]]:
    def planned(legal: Legal) -> Iterator[LayerArrays]:
        from transpiler.emitters.keras import write

        return _keras_layers(write(legal.module, generation), legal)

    return planned


def _caffe_layers(legal: Legal) -> Iterator[LayerArrays]:
    from transpiler.emitters.caffe_weights import weight_plan

    return _filled(weight_plan(legal.module), legal)


def _filled(plan: Iterable[LayerPlan], legal: Legal) -> Iterator[LayerArrays]:
    """A plan with the numbers that it asks for."""
    from transpiler.weights.writing import LayerArrays

    assert legal.store is not None
    for layer in plan:
        arrays = tuple(_lazy(legal.store, one) for one in layer.arrays)
        yield LayerArrays(layer.path, layer.type, arrays)


def _lazy(store: Store, one: ArrayUse) -> LazyArray:
    from transpiler.driver.native_arrays import native_shape

    shape = tuple(size or 0 for size in native_shape(one.spelling, one.shape))
    found = store.arrays.get(one.use.symbol)

    def load() -> Numbers:
        return store.native(one.use, one.spelling, one.shape)

    dtype = DType.FLOAT32 if one.use.constant is not None or found is None else found.dtype
    return LazyArray(shape, dtype, load)


KERAS: Final = ("keras",)
KERAS2: Final = ("keras2",)
FORMS: Final = (
    Form(".prototxt", ("caffe",), "Caffe text", _text, needs_weights=False, is_text=True),
    Form(".caffemodel", ("caffe",), "Caffe weights", _caffemodel, holds_model=False),
    Form(".weights.h5", KERAS, "Keras 3 weights", _keras_weights, holds_model=False),
    Form(".keras", KERAS, "a whole Keras 3 model", _keras_archive),
    Form(".h5", KERAS2, "a whole Keras 2 model", _keras2_file),
    Form(".json", ("keras", "keras2"), "Keras JSON", _text, needs_weights=False, is_text=True),
    Form(".pbtxt", ("tensorflow",), "a TensorFlow graph as text", _text, needs_weights=False, is_text=True),
    Form(
        ".pb", ("tensorflow",), "a TensorFlow graph, frozen if there are weights", _graph, needs_weights=False
    ),
    Form("/", ("tensorflow",), "a SavedModel directory", _saved_model),
    Form(".ir", ("ir",), "IR text", _text, needs_weights=False, is_text=True),
    Form(".npz", ("caffe",), "NumPy arrays", _npz(_caffe_layers), holds_model=False),
    Form(".npz", KERAS, "NumPy arrays", _npz(_keras_arrays(3)), holds_model=False),
    Form(".npz", KERAS2, "NumPy arrays", _npz(_keras_arrays(2)), holds_model=False),
)
"""Every form; those with longer suffixes before those they end in."""


def form_of(path: str, target: str) -> Form:
    """The form that a path's suffix names for a target; text for a suffix that names none. Raises UsageError."""
    own = [form for form in FORMS if target in form.targets]
    found = next((form for form in own if path.lower().endswith(form.suffix)), None)
    if found is not None:
        return found
    other = next((form for form in FORMS if path.lower().endswith(form.suffix) and not form.is_text), None)
    if other is not None:
        raise UsageError(f"{path} would be {other.words}, which is no form of {target}")
    return text_form(target)


def text_form(target: str) -> Form:
    """The form of a target's text."""
    return next(form for form in FORMS if target in form.targets and form.is_text)


def target_of(path: str) -> str | None:
    """The target that a path's suffix stands for; None where it says nothing, or weights alone."""
    found = next((form for form in FORMS if path.lower().endswith(form.suffix) and form.holds_model), None)
    return (
        found.targets[0]
        if found is not None and (os.path.basename(path.rstrip(os.sep)) or found.suffix == "/")
        else None
    )
