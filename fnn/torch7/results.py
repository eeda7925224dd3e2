"""What forward and backward leave behind in modules, and in the modules inside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from fnn.shell import Shell
from fnn.tensor.replay import Path, replay
from fnn.tensor.run import run
from fnn.torch7.learner import Learner
from fnn.torch7.passing import as_inputs, held, leaves, single
from fnn.torch7.runs import Run
from fnn.torch7.tensor import Tensor
from fnn.torch7.utils import clear


@dataclass(eq=False)
class Owed:
    """The results of modules inside a network, computed when it is called.

    A module that is taken out of the network keeps what that left in it, and all keep what backward
    left while others run forward. Nothing leads from here to itself: a run has to be freed when the
    next one takes its place.
    """

    last: Run
    cotangents: Any
    modules: list[tuple[Results, tuple[Results, Path]]]

    def __call__(self, late: bool = False) -> None:
        """Compute them, for modules that have had no forward or backward since.

        They may be put off again, as late results of a program.
        """
        last, modules = self.last, {path: module for module, (_, path) in self.modules}
        found, back = run(replay, last.given, self.cotangents, filled=last.function.function)
        for value in leaves((found, back)):
            value.late = late
        owing = [{path for path, m in modules.items() if getattr(m, slot) is self} for slot in OWED]
        outputs, gradients = owing
        for slot, paths in zip(OWED, owing, strict=True):
            for path in paths:
                setattr(modules[path], slot, None)
        network = self.modules[0][1][0]
        same = network.layer is not None and network._inside == self.modules
        for path in sorted(filter(modules.__contains__, found), key=len):
            module = modules[path]
            kind = type(module) if same else Results  # what is inside now is not what ran
            if path in outputs:
                module._run = None  # the last forward was not its own
                last.mark(leaves(as_inputs(kind._hold_output(module, found[path]))))
            if back and path in gradients:
                kind._hold_gradient(module, single(back[path]))


OWED = "_owed_output", "_owed_gradient"


class Results(Learner):
    """A module with `output` and `gradInput`.

    Those of modules inside a network that ran as one program are computed when somebody asks.
    """

    transient = (*Shell.transient, "_run", *OWED, "_origin", "_found", "_found_in", "_lent")
    results = ("_output", "_gradInput", "_run", *OWED)
    renewed = (*results, "output", "gradInput")
    borrows = False  # whether the results are tensors of somebody else
    reads_input: Any = True  # in backward, which else is content with what forward kept of it

    first_output: Callable[[], Any] = Tensor
    first_gradient: Callable[[], Any] = Tensor
    """Make `output` and `gradInput` as they are before the first forward."""

    _output: Any
    _gradInput: Any
    _run: Run | None = None
    _owed_output: Owed | None = None
    _owed_gradient: Owed | None = None
    _origin: tuple[Results, Path] | None = None
    _lent: frozenset[str] = frozenset()
    """Which results may be tensors of somebody else, in which no numbers are put."""
    _found: dict[str, Any]

    @property
    def _ran(self) -> tuple[Run | None, Path]:
        """The last forward of this module: its own, or that of a network, and the path there."""
        network, path = self._origin or (self, ())
        return network._run, path

    def _overtaken(self, input: Any) -> bool:
        """Whether the last forward had another input, or what it left was changed since.

        Then each module goes back by itself, with the settings, the parameters and the input that
        it finds, and the outputs that it had: Torch7 computes from what the tensors hold.
        """
        if self._derived is not None:
            return False  # as one module does
        network, path = self._origin or (self, ())
        last = network._run
        if last is None or not last.reachable:
            return last is None
        if not path:
            last.other = not self._took(last, input)
        last.left = (
            last.left or last.other or last.overtaken(network._filled, network.tensors("params"))
        )
        return last.left

    def _took(self, last: Run, input: Any) -> bool:
        """Whether a forward was of this input, as far as backward reads that."""
        return last.draws or not self.reads_input or last.took(input)

    def _settle(self, *slots: str) -> None:
        """Compute the results that networks around this module have put off."""
        for slot in slots or OWED:
            if (owed := getattr(self, slot)) is not None:
                owed()

    def _take(self, slot: str) -> None:
        """Begin to compute a result by itself, at which nobody looks as it was.

        A compiled function lets go of what it cannot reach.
        """
        owed = getattr(self, slot)
        if owed is None:
            return
        if owed.last.reachable:
            owed(late=True)
        else:
            setattr(self, slot, None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        self._settle()
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[str, Any]:
        self._settle()
        return super().__getstate__()

    def _let_go_of_network(self) -> None:
        """Forget what a network around this module left: a forward of the module's own begins.

        That network goes back module by module then.
        """
        last, path = self._ran
        if path and last is not None:
            last.left = last.left or not last.draws
        self._take("_owed_output")
        self._origin = None

    @property
    def output(self) -> Any:
        """What `forward` returned last."""
        self._settle("_owed_output")
        return self._output

    @output.setter
    def output(self, value: Any) -> None:
        self._lend("_output", value)
        self._output, self._owed_output = value, None

    @property
    def gradInput(self) -> Any:
        """What `backward` returned last; a module with None here computes none."""
        self._settle("_owed_gradient")
        return self._gradInput

    @gradInput.setter
    def gradInput(self, value: Any) -> None:
        self._lend("_gradInput", value)
        self._gradInput, self._owed_gradient = value, None

    def _lend(self, name: str, value: Any) -> None:
        """Note that a new value of a result may be somebody else's."""
        if self.borrows:
            self._lent |= {name}

    def _reusable(self, name: str) -> Any:
        """The tensors that new numbers of a result are put into, if they are not lent."""
        if name not in self._lent:
            return getattr(self, name)
        self._lent -= {name}
        return None

    def _output_of(self, input: Any) -> Any:
        """The last output, which was computed from `input`."""
        return self.output

    def _hold_output(self, value: Any) -> Any:
        """Put an output into the tensors that have held the last one."""
        self._output = held(self._reusable("_output"), value)
        return self._output

    def _hold_gradient(self, value: Any) -> Any:
        """Put a gradient by the input into the tensors that have held the last one."""
        if self._gradInput is not None:
            self._gradInput = held(self._reusable("_gradInput"), value)
        return self._gradInput

    @property
    def _inside(self) -> list[tuple[Results, tuple[Results, Path]]]:
        """All modules inside, each with its origin: this network and the path there."""
        return self._once("inside", lambda: [(m, (self, p)) for p, m in self._descendants()])

    def _watch(self, last: Run, cotangents: Any = None) -> None:
        """Have all modules inside compute their results when somebody asks for them."""
        inside = self._inside
        owed = Owed(last, cotangents, inside)
        for module, origin in inside:
            fields = vars(module)  # at once, as it is done in each step
            fields["_owed_output"], fields["_origin"] = owed, origin
            if cotangents is not None:
                fields["_owed_gradient"] = owed

    def clearState(self) -> Self:
        """Drop results that can be computed again; the tensors that held them are empty then.

        Those that other modules or the caller own stay as they are.
        """
        self._run = self._origin = self._owed_output = self._owed_gradient = None
        for name in ("output", "gradInput"):
            value = getattr(self, name)
            if self.borrows and isinstance(value, Tensor):
                setattr(self, name, value.new())
            else:
                clear(self, name)
        self._found = {}
        return self
