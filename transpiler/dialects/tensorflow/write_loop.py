"""A loop in TensorFlow's dataflow: Enter, Merge, Switch, NextIteration and Exit around a body.

Everything that the body reads from outside enters the loop's frame; what changes goes round through Merge.
"""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.dialects.rows import Refusal
from transpiler.dialects.tensorflow.write_steps import Fixed, Input, Learned, Refused, Steps, Tensor
from transpiler.dialects.tensorflow.write_template import (
    AttrValue,
    Made,
    Numbers,
    Operand,
    Source,
    Step,
    TypeName,
)
from transpiler.ir import DType, Node, Op, Origin, TensorType, Value

NAME = "while"
AT_ONCE = 32
"""How many iterations TensorFlow may run at the same time (its own default)."""


class Loop:
    """Builds one loop inside the template of a node."""

    def __init__(self, s: Steps) -> None:
        self.s = s
        self.frame = f"{s.node.name}/{NAME}"
        self._entered: dict[object, Tensor] = {}
        self._count = 0
        self._switches: list[tuple[Tensor, ...]] = []

    def start(self, values: Sequence[Tensor], test: Tensor) -> list[Tensor]:
        """What goes round, as the body sees it; the first is compared with `test` and goes on while it is less."""
        merged = []
        for i, value in enumerate(values):
            entered = self._enter(value, constant=False)
            back = Tensor(Made(self._next(i)), value.dtype)
            merged.append(self.s.op("Merge", entered, back, name=f"{NAME}/Merge"))
        less = self.s.op("Less", merged[0], self.outside(test), name=f"{NAME}/Less")
        going = self.s.op("LoopCond", less, name=f"{NAME}/LoopCond")
        self._switches = [
            self.s.many("Switch", value, going, count=2, name=f"{NAME}/Switch") for value in merged
        ]
        return [self.s.op("Identity", switch[1], name=f"{NAME}/Identity") for switch in self._switches]

    def finish(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Send the new values round; what they are after the last iteration."""
        for i, value in enumerate(values):
            self.s.op("NextIteration", value, name=self._next(i))
        return [self.s.op("Exit", switch[0], name=f"{NAME}/Exit") for switch in self._switches]

    def _next(self, i: int) -> str:
        return f"{NAME}/NextIteration/{i}"

    def _enter(self, value: Input, *, constant: bool, kind: AttrValue | None = None) -> Tensor:
        more: dict[str, AttrValue] = {} if kind is None else {"T": kind}
        return self.s.op(
            "Enter",
            value,
            name=f"{NAME}/Enter",
            frame_name=self.frame,
            is_constant=constant,
            parallel_iterations=AT_ONCE,
            **more,
        )

    def outside(self, value: Input, kind: TypeName | None = None) -> Tensor:
        """A value from outside the loop, which is the same in all iterations."""
        key: object = value if isinstance(value, Fixed | Learned) else value.source
        if key not in self._entered:
            self._entered[key] = self._enter(value, constant=True, kind=kind)
        return self._entered[key]

    def op(self, op: str, *inputs: Input, **attributes: AttrValue) -> Tensor:
        """A step of the body; constants and learned arrays are read outside."""
        return self.many(op, *inputs, count=1, **attributes)[0]

    def many(self, op: str, *inputs: Input, count: int, **attributes: AttrValue) -> tuple[Tensor, ...]:
        """A step of the body with several outputs."""
        given = [value if isinstance(value, Tensor) else self.outside(value) for value in inputs]
        return self.s.many(op, *given, count=count, name=f"{NAME}/{op}", **attributes)

    def apply(self, op: Op, x: Tensor) -> Tensor:
        """An activation inside the body: its own template, its constants read outside. Raises Refused."""
        from transpiler.dialects.tensorflow.write_rows import template_of

        operand, result = Value("x", TensorType(None, x.dtype)), Value("y")
        made = template_of(Node("activation", op, (operand,), (result,), Origin("activation", op.name)))
        if isinstance(made, Refusal):
            raise Refused(made.reason, made.help)
        self._count += 1
        known: dict[Source, Source] = {Operand(0): x.source}
        for step in made.steps:
            name = f"{NAME}/activation_{self._count}/{step.name or step.op}"
            numbers = step.attributes.get("value")
            if step.op == "Const" and isinstance(numbers, Numbers):
                source = self.outside(self.s.constant(numbers, name)).source
            else:
                self.s.steps.append(
                    Step(
                        name,
                        step.op,
                        tuple(known.get(given, given) for given in step.inputs),
                        step.attributes,
                    )
                )
                source = Made(name)
            known[Made(step.name)] = source
        return Tensor(known[made.results[0]], x.dtype)


RESOURCE = TypeName("DT_RESOURCE")


class Array:
    """A growing array of one tensor a step, kept outside the loop: its handle, and the flow that orders its uses."""

    def __init__(self, s: Steps, size: Tensor, what: str) -> None:
        self.s = s
        self.what = what
        name = f"{what}/TensorArrayV3"
        self.dtype = s.real
        kind: dict[str, AttrValue] = {"dtype": self.dtype, "identical_element_shapes": True}
        self.handle, flow = s.many("TensorArrayV3", size, count=2, name=name, **kind)
        self.flow = Tensor(flow.source, DType.FLOAT32)

    def scatter(self, indices: Tensor, value: Tensor) -> None:
        """Fill it with the slices of a tensor's first axis."""
        self.flow = self.s.op(
            "TensorArrayScatterV3",
            self.handle,
            indices,
            value,
            self.flow,
            name=f"{self.what}/TensorArrayScatterV3",
        )

    def read(self, loop: Loop, index: Tensor) -> Tensor:
        """One slice, inside the loop."""
        handle, flow = loop.outside(self.handle, RESOURCE), loop.outside(self.flow)
        return loop.op("TensorArrayReadV3", handle, index, flow, dtype=self.dtype)

    def write(self, loop: Loop, index: Tensor, value: Tensor, flow: Tensor) -> Tensor:
        """Write one slice inside the loop; the new flow."""
        return loop.op("TensorArrayWriteV3", loop.outside(self.handle, RESOURCE), index, value, flow)

    def gather(self, indices: Tensor, flow: Tensor) -> Tensor:
        """All slices on a new first axis."""
        return self.s.op(
            "TensorArrayGatherV3",
            self.handle,
            indices,
            flow,
            name=f"{self.what}/TensorArrayGatherV3",
            dtype=self.dtype,
        )
