"""Derivatives by name: by `params`, or else by the first argument, or by the names in `by`.

A function that names `state` returns `(value, state)`; the state comes out of each derivative as
jax's auxiliary output does. Keyword-only arguments are passed on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.tree_util import Partial, keystr, tree_leaves_with_path

from transforms.signature import (
    Transform,
    TransformError,
    describe,
    keep,
    label,
    names,
    place,
    require_names,
)

By = str | Sequence[str] | None


def choose(
    title: str, f: Callable, by: By, args: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[Any, Callable[[Any], Any]]:
    """The value of the arguments called `by`, and `f` as a function of it alone."""
    call = place(f, args, keywords)
    if not call.names:
        raise TransformError(f"{title}: there is no argument to differentiate by")
    if by is None:
        by = "params" if "params" in call.names else call.names[0]
    single = isinstance(by, str)
    wanted = (by,) if isinstance(by, str) else tuple(by)
    require_names(title, wanted, call)
    where = [call.names.index(name) for name in wanted]
    values = tuple(call.args[i] for i in where)
    for name, value in zip(wanted, values, strict=True):
        for path, leaf in tree_leaves_with_path(value):
            if not floating(leaf):
                raise TransformError(
                    f"{title}: {name}{keystr(path)} is {describe(leaf)}, and only floating-point"
                    " numbers have a gradient\nlikely cause: indices, a counter or a key lie among"
                    " the parameters; pass them as another argument"
                )

    def of(value: Any) -> Any:
        filled = list(call.args)
        for i, part in zip(where, (value,) if single else value, strict=True):
            filled[i] = part
        return f(*filled, **call.keywords)

    return values[0] if single else values, of


def floating(x: Any) -> bool:
    """Whether `x` is a real or complex number, or an array of them."""
    return isinstance(x, float | complex) or (
        hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.inexact)
    )


def scalar(title: str, of: Callable[[Any], Any], aux: bool) -> Callable[[Any], Any]:
    """`of`, checked to return a scalar."""

    def checked(value: Any) -> Any:
        output = of(value)
        found = output[0] if aux and isinstance(output, tuple) else output
        if isinstance(found, tuple):
            cause = "it returns more than its value: name `state`, or say has_aux=True"
        elif getattr(found, "shape", ()):
            cause = (
                "a loss for each example, whose mean or sum was forgotten;"
                " otherwise take vmap(grad(f)) or jacobian(f)"
            )
        else:
            return output
        raise TransformError(
            f"{title}: the value is {describe(found)}, and only a scalar has a gradient"
            f"\nlikely cause: {cause}"
        )

    return checked


@dataclass(frozen=True)
class Derivative(Transform):
    """A derivative of a function by some of its arguments."""

    by: By = None
    has_aux: bool = False

    @property
    def aux(self) -> bool:
        """Whether the function returns more than its value."""
        return self.has_aux or "state" in names(self.function).reserved


class Grad(Derivative):
    """See `grad`."""

    title = "grad"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The gradient; with `state`, the gradient and the state."""
        value, of = choose(self.__name__, self.function, self.by, args, keywords)
        return jax.grad(scalar(self.__name__, of, self.aux), has_aux=self.aux)(value)


class ValueAndGrad(Derivative):
    """See `value_and_grad`."""

    title = "value_and_grad"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The value and the gradient; with `state`, `((value, state), gradient)`."""
        value, of = choose(self.__name__, self.function, self.by, args, keywords)
        return jax.value_and_grad(scalar(self.__name__, of, self.aux), has_aux=self.aux)(value)


@dataclass(frozen=True)
class Jacobian(Derivative):
    """See `jacobian`."""

    title = "jacobian"
    mode: str = "reverse"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The Jacobian; with `state`, the Jacobian and the state."""
        value, of = choose(self.__name__, self.function, self.by, args, keywords)
        transform = jax.jacrev if self.mode == "reverse" else jax.jacfwd
        return transform(of, has_aux=self.aux)(value)


class Hessian(Derivative):
    """See `hessian`."""

    title = "hessian"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The Hessian; with `state`, the Hessian and the state."""
        value, of = choose(self.__name__, self.function, self.by, args, keywords)
        return jax.hessian(scalar(self.__name__, of, self.aux), has_aux=self.aux)(value)


class HessianVectorProduct(Derivative):
    """See `hessian_vector_product`."""

    title = "hessian_vector_product"

    def __post_init__(self) -> None:
        super().__post_init__()
        found = names(self.function).signature
        vector = Parameter("vector", Parameter.POSITIONAL_ONLY)
        signature = found.replace(parameters=[vector, *found.parameters.values()])
        vars(self).update(__signature__=signature)

    def __call__(self, vector: Any, /, *args: Any, **keywords: Any) -> Any:
        """The product; with `state`, the product and the state."""
        value, of = choose(self.__name__, self.function, self.by, args, keywords)
        gradient = jax.grad(scalar(self.__name__, of, self.aux), has_aux=self.aux)
        _, *product = jax.jvp(gradient, (value,), (vector,), has_aux=self.aux)
        return tuple(product) if self.aux else product[0]


def grad(f: Callable, by: By = None, has_aux: bool = False) -> Callable:
    """The gradient of a scalar function, with the function's own signature.

    >>> def loss(params, x):
    ...     return (params["weight"] * x).sum()
    >>> grad(loss)({"weight": jnp.ones(3)}, jnp.arange(3.0))
    {'weight': Array([0., 1., 2.], dtype=float32)}
    >>> grad(loss, by="x")({"weight": jnp.ones(3)}, jnp.arange(3.0))
    Array([1., 1., 1.], dtype=float32)
    """
    return keep(Grad(f, frozen(by), has_aux))


def value_and_grad(f: Callable, by: By = None, has_aux: bool = False) -> Callable:
    """The value and the gradient; with `state`, `((value, state), gradient)`."""
    return keep(ValueAndGrad(f, frozen(by), has_aux))


def jacobian(
    f: Callable,
    by: By = None,
    has_aux: bool = False,
    *,
    mode: Literal["reverse", "forward"] = "reverse",
) -> Callable:
    """All derivatives of all outputs: for pytrees, a pytree like the output of pytrees like `by`.

    `reverse` costs one pass for each output, `forward` one for each input.
    """
    if mode not in ("reverse", "forward"):
        raise TransformError(f"jacobian: given mode {mode!r}, wanted 'reverse' or 'forward'")
    return keep(Jacobian(f, frozen(by), has_aux, mode))


def hessian(f: Callable, by: By = None, has_aux: bool = False) -> Callable:
    """All second derivatives of a scalar function, forward over reverse."""
    return keep(Hessian(f, frozen(by), has_aux))


def hessian_vector_product(f: Callable, by: By = None, has_aux: bool = False) -> Callable:
    """The Hessian times a vector, at the cost of a few gradients; the vector comes first.

    >>> product = hessian_vector_product(lambda x: (x**3).sum())
    >>> product(jnp.array([1.0, 0.0]), jnp.array([1.0, 2.0]))
    Array([6., 0.], dtype=float32)
    """
    return keep(HessianVectorProduct(f, frozen(by), has_aux))


def frozen(by: By) -> By:
    """`by` as a value that can be hashed."""
    return by if by is None or isinstance(by, str) else tuple(by)


def vjp(f: Callable, *args: Any, by: By = None, **keywords: Any) -> tuple[Any, ...]:
    """The value and its pullback; with `state`, the value, the pullback and the state.

    The pullback takes a cotangent of the value and gives one of the argument called `by` (a tuple
    when `by` is one). It is a pytree, so it can leave a compiled program.

    >>> value, pullback = vjp(jnp.sin, jnp.zeros(2))
    >>> pullback(jnp.ones(2))
    Array([1., 1.], dtype=float32)
    """
    value, of = choose(f"vjp({label(f)})", f, by, args, keywords)
    output, pullback, *state = jax.vjp(of, value, has_aux="state" in names(f).reserved)
    return output, Partial(_pull, pullback), *state


def _pull(pullback: Callable, cotangent: Any) -> Any:
    return pullback(cotangent)[0]


def jvp(f: Callable, *args: Any, tangent: Any, by: By = None, **keywords: Any) -> tuple[Any, ...]:
    """The value and its change along `tangent`, which is shaped like the argument called `by`.

    With `state`: the value, the change and the state.

    >>> jvp(jnp.sin, jnp.zeros(2), tangent=jnp.ones(2))[1]
    Array([1., 1.], dtype=float32)
    """
    value, of = choose(f"jvp({label(f)})", f, by, args, keywords)
    return jax.jvp(of, (value,), (tangent,), has_aux="state" in names(f).reserved)
