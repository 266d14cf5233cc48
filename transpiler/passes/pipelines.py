"""Which passes run for which target: one readable table."""

from __future__ import annotations

from transpiler.ops.spatial import DataFormat
from transpiler.passes.bind_inputs import BIND_INPUTS
from transpiler.passes.canonicalize import CANONICALIZE, FUSE_SCALE
from transpiler.passes.data_format import to_format
from transpiler.passes.drop_training import DROP_TRAINING
from transpiler.passes.free_batch import FREE_BATCH
from transpiler.passes.infer_shapes import INFER_SHAPES
from transpiler.passes.known_sizes import KNOWN_SIZES
from transpiler.passes.manager import Pass
from transpiler.passes.normalize_padding import NORMALIZE_PADDING
from transpiler.passes.require_shapes import REQUIRE_RANKS, REQUIRE_SHAPES
from transpiler.passes.tied_weights import TIED_WEIGHTS

READ: tuple[Pass, ...] = (BIND_INPUTS, INFER_SHAPES)
"""What every model goes through before anything else is asked of it."""

TO_LAYERS: tuple[Pass, ...] = (CANONICALIZE, FUSE_SCALE, NORMALIZE_PADDING)
"""From any other framework to the layers that Keras and TensorFlow know, before their data format changes."""

KERAS_FAMILY = ("keras", "keras2")
OPEN_SIZES = (*KERAS_FAMILY, "python")
"""Where an unknown size of an input means any size; elsewhere the file merely does not tell it."""
OPEN_IF_RANKED = ("tensorflow",)
"""Where it means any size, too, but a file may not even tell how many axes there are."""


def same_family(source: str, target: str) -> bool:
    """Whether a target is the source's own framework, so that nothing needs to be said differently."""
    return source == target or (source in KERAS_FAMILY and target in KERAS_FAMILY)


def pipeline(source: str, target: str, data_format: str | None = None) -> tuple[Pass, ...]:
    """The passes after `READ` for a model of framework `source`.

    `data_format`: channels_first, channels_last, `keep` (as the file has it), or None for the target's own
    default. A target that is the source's own framework gets the file's own form; any other gets canonical ops
    in its data format with explicit padding. Legalization is last.
    """
    if target == "ir":
        return ()
    if same_family(source, target):
        return (*_first_values(target), *_relaid(data_format, None), *_legalization(target))
    if target in KERAS_FAMILY:
        relaid = _relaid(data_format, DataFormat.CHANNELS_LAST)
        return (
            DROP_TRAINING,
            *_needed(source),
            *TO_LAYERS,
            *relaid,
            FREE_BATCH,
            *_idioms(),
            *_legalization(target),
            KNOWN_SIZES,
            TIED_WEIGHTS,
        )
    if target == "tensorflow":
        relaid = _relaid(data_format, DataFormat.CHANNELS_LAST)
        return (*_to_graphs(source), *relaid, FREE_BATCH, *_legalization(target))
    from transpiler.passes.recognize_lrn import RECOGNIZE_LRN

    first = to_format(DataFormat.CHANNELS_FIRST)
    return (REQUIRE_SHAPES, CANONICALIZE, RECOGNIZE_LRN, NORMALIZE_PADDING, first, *_legalization(target))


def _needed(source: str) -> tuple[Pass, ...]:
    """What is asked of inputs before anything is written for a framework that runs on any size."""
    if source in OPEN_SIZES:
        return ()
    return (REQUIRE_RANKS,) if source in OPEN_IF_RANKED else (REQUIRE_SHAPES,)


def _first_values(target: str) -> tuple[Pass, ...]:
    """Graphs say how their variables start."""
    if target != "tensorflow":
        return ()
    from transpiler.passes.legalize.tensorflow_initial import INITIAL_VALUES

    return (INITIAL_VALUES,)


def _to_graphs(source: str) -> tuple[Pass, ...]:
    """From any other framework to what TensorFlow's graphs say."""
    from transpiler.passes.legalize.tensorflow import EXPAND_LAYERS
    from transpiler.passes.legalize.tensorflow_initial import INITIAL_VALUES
    from transpiler.passes.legalize.tensorflow_masks import EXPLICIT_MASKS
    from transpiler.passes.recognize_lrn import RECOGNIZE_LRN

    taken_apart = (INITIAL_VALUES, EXPLICIT_MASKS, EXPAND_LAYERS)
    return (DROP_TRAINING, *_needed(source), *taken_apart, RECOGNIZE_LRN, *TO_LAYERS)


def _relaid(wanted: str | None, default: DataFormat | None) -> tuple[Pass, ...]:
    if wanted == "keep":
        return ()
    format = default if wanted is None else DataFormat(wanted)
    return () if format is None else (to_format(format),)


def _idioms() -> tuple[Pass, ...]:
    from transpiler.passes.legalize.keras import KERAS_IDIOMS

    return (KERAS_IDIOMS,)


def _legalization(target: str) -> tuple[Pass, ...]:
    if target in KERAS_FAMILY:
        from transpiler.passes.fold_activations import FOLD_ACTIVATIONS
        from transpiler.passes.legalize.keras import KERAS_PASSES

        return (KERAS_PASSES[target], FOLD_ACTIVATIONS)
    if target == "tensorflow":
        from transpiler.passes.legalize.tensorflow import (
            LEGALIZE_TENSORFLOW,
            SHARED_ARRAYS,
            TENSORFLOW_IDIOMS,
        )

        return (TENSORFLOW_IDIOMS, LEGALIZE_TENSORFLOW, SHARED_ARRAYS)
    from transpiler.passes.legalize.caffe import CAFFE_PASSES

    return CAFFE_PASSES
