"""nn.Module: named parameters, buffers and children around a computation."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Self

import jax

from fnn.errors import LayerError
from fnn.layer import Applicable
from fnn.pytorch import random
from fnn.pytorch.autograd import no_grad, record
from fnn.pytorch.creation import as_tensor
from fnn.pytorch.nn.tree import Tree
from fnn.pytorch.tensor import Tensor
from fnn.tensor.gradient import Filled
from fnn.tensor.scope import calling
from fnn.tensor.types import cast
from transforms.cells import tracing
from transforms.changes import Stateful


class Module(Tree):
    """A callable with parameters. A subclass assigns children and parameters, and has `forward`.

    A derived module's `forward` is its pure layer, recorded on the tape as one operation; so is
    that of a container of derived modules.
    """

    protocol = ("forward", "__call__")

    training: bool = True

    def __init__(self) -> None:
        object.__setattr__(self, "training", True)
        super().__init__()

    def forward(self, *inputs: Any) -> Any:
        """Compute the output; a subclass without a pure layer has its own."""
        function, params, state, into, draws = self._once("forward", self._as_function)
        key = random.keys.draw() if draws else None
        try:
            return record(function, params, state, key, *inputs, into=into)
        except (TypeError, ValueError, IndexError) as error:
            self._say_where(error)
            raise

    def _as_function(self) -> tuple:
        """The layer as one function, its tensors, those that it writes, and if it draws a key."""
        layer = self.layer
        if layer is None:
            raise LayerError(
                f'Module [{type(self).__name__}] is missing the required "forward" function'
            )
        state = self.tensors("state")
        function = Filled(layer, self.training)
        draws = "key" in layer.reserved
        return function, self.tensors("params"), state, jax.tree.leaves(state), draws

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        """Run `forward`."""
        if tracing():
            with calling(self):
                return self.forward(*inputs, **keywords)
        return self.forward(*inputs, **keywords)

    def _say_where(self, error: Exception) -> None:
        """Note the path of the module that failed, and how it was made."""
        path = ".".join(getattr(error, "path", ()))
        module = self.get_submodule(path)
        error.add_note(f"in {path and path + ': '}{str(module).splitlines()[0]}")

    @property
    def _mode(self) -> bool:
        return self.training

    def be(self, derived: Applicable, shapes: Any, state: Any) -> None:
        """Be a layer with parameters of these shapes and with this state, in nested dicts."""
        Module.__init__(self)
        super().be(derived, shapes, state)
        for absent in {"weight", "bias"} - {*self._parameters} if self._parameters else ():
            self.register_parameter(absent, None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, uniform in +-1/sqrt(fan in)."""
        names = self.names("params")
        if names:
            shape = self._parameters[names[0]].shape
            bound = 1 / max(shape[1:].numel() if len(shape) > 1 else 1, 1) ** 0.5
            with no_grad():
                for name in names:
                    self._parameters[name].uniform_(-bound, bound)

    def train(self, mode: bool = True) -> Self:
        """Behave as in training, or as in use."""
        for module in self.modules():
            if module.training is not mode:
                Stateful.__setattr__(module, "training", mode)
        return self

    def eval(self) -> Self:
        """Behave as in use."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or set them to zero."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.zero_()

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Have all parameters trained, or none."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def to(self, *args: Any, **keywords: Any) -> Self:
        """Convert all tensors, gradients too; the parameters stay the same objects."""
        for tensor in [*self.parameters(), *self.buffers()]:
            for each in (tensor, getattr(tensor, "grad", None)):
                if each is not None:
                    with no_grad():
                        converted = each.detach().to(*args, **keywords)
                    each.storage.array = converted.storage.array
        return self

    def _place(self, device: Any, dtype: Any) -> None:
        """Move and convert as a constructor's arguments say."""
        for wanted in (device, dtype):
            if wanted is not None:
                self.to(wanted)

    def float(self) -> Self:
        """Convert to float32."""
        return self._cast("float32")

    def double(self) -> Self:
        """Convert to float64."""
        return self._cast("float64")

    def _cast(self, dtype: str) -> Self:
        for tensor in [*self.parameters(), *self.buffers()]:
            for each in (tensor, getattr(tensor, "grad", None)):
                if each is not None:
                    each.storage.array = cast(each.storage.array, dtype)
        return self

    def cpu(self) -> Self:
        """Move to the CPU."""
        return self.to("cpu")

    def cuda(self, device: Any = 0) -> Self:
        """Move to a GPU."""
        return self.to(f"cuda:{device}" if isinstance(device, int) else device)

    def state_dict(self) -> OrderedDict[str, Tensor]:
        """All parameters and buffers by path, sharing memory with the module."""
        found: OrderedDict[str, Tensor] = OrderedDict()
        for path, module in self.named_modules():
            for register in ("_parameters", "_buffers"):
                for name, tensor in vars(module)[register].items():
                    if tensor is not None:
                        found[f"{path}.{name}" if path else name] = tensor.detach()
        return found

    def load_state_dict(self, state_dict: dict[str, Any], strict: bool = True) -> Keys:
        """Copy values in by path; with `strict` no path may be missing or left over."""
        own = self.state_dict()
        keys = Keys(
            [n for n in own if n not in state_dict], [n for n in state_dict if n not in own]
        )
        wrong = [
            f"size mismatch for {n}: copying a param with shape {state_dict[n].shape} from "
            f"checkpoint, the shape in current model is {own[n].shape}."
            for n in own
            if n in state_dict and tuple(state_dict[n].shape) != tuple(own[n].shape)
        ]
        if strict:
            for what, names in zip(("Missing", "Unexpected"), keys, strict=True):
                if names:
                    listed = ", ".join(f'"{n}"' for n in names)
                    wrong.append(f"{what} key(s) in state_dict: {listed}. ")
        if wrong:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(wrong)
            )
        with no_grad():
            for name in set(own) & set(state_dict):
                own[name].copy_(as_tensor(state_dict[name]))
        return keys

    def extra_repr(self) -> str:
        """What stands between the brackets of a module without children."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({n}): " + repr(m).replace("\n", "\n  ") for n, m in self.named_children()]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        inner = "\n  ".join([*([extra] if extra else []), *lines])
        return f"{type(self).__name__}(\n  {inner}\n)"


class Keys(tuple):
    """Paths that were missing from a state, and paths that were left over."""

    def __new__(cls, missing: list[str], unexpected: list[str]) -> Keys:
        """A pair with names."""
        return super().__new__(cls, (missing, unexpected))

    missing_keys = property(lambda self: self[0])
    unexpected_keys = property(lambda self: self[1])


__all__ = ["Module"]
