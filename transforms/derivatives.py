"""Derivatives by name: by `params`, or else by the first argument, or by the names in `by`.

A function that names `state` returns `(value, state)`; the state comes out of each derivative as
jax's auxiliary output does. Keyword-only arguments are passed on.

Functions may also be modules, their methods, and code that computes with tensors. A module stands
for the parameters that it learns, and its derivative is a dict with a tensor for each by path; that
of a tensor is a tensor. A module, or a method of one, is differentiated by its own parameters.
Modules and tensors that are not among the arguments can be given in `by` themselves. What the
function changes, such as running statistics or a random stream, is changed as by a call; gradients
and results that modules keep stay what they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, Literal

import jax
from jax.tree_util import Partial

from transforms.changes import Stateful
from transforms.functional import route
from transforms.objects import Box, bare, boxed, closed
from transforms.point import Point, Wanted, choose, in_boxes, like, require_floating
from transforms.signature import Transform, TransformError, describe, keep, label, names


def scalar(title: str, of: Callable[[Any], Any], aux: bool) -> Callable[[Any], Any]:
    """`of`, checked to return a scalar; a tensor of one element is one."""

    def checked(value: Any) -> Any:
        output = of(value)
        found = output[0] if aux and isinstance(output, tuple) else output
        if isinstance(found, Box):
            found = bare(found)
            if getattr(found, "size", 0) == 1:
                return found.reshape(()), output[1]
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


def derive(
    title: str,
    f: Callable,
    by: Wanted,
    aux: bool,
    take: Callable[[Callable, Any, bool], Any],
    args: tuple[Any, ...],
    keywords: dict[str, Any],
) -> Any:
    """What `take(of, value, has_aux)` makes of `f` as a function `of` one value."""
    choice = choose(title, f, by, args, keywords)

    def pure() -> Any:
        require_floating(title, choice.names, choice.values)
        value = choice.values[0] if choice.single else choice.values
        return take(lambda value: f(*choice.fill(value), **choice.call.keywords), value, aux)

    def flowing() -> Any:
        point = Point(title, f, choice, aux)
        with jax.enable_x64(True):
            result = take(point.of, point.value, True)
        return point.close(result)

    return route(f, pure, flowing, (args, keywords, choice.values))


@dataclass(frozen=True)
class Derivative(Transform):
    """A derivative of a function by some of its arguments."""

    by: Wanted = None
    has_aux: bool = False

    @property
    def aux(self) -> bool:
        """Whether the function returns more than its value."""
        return self.has_aux or "state" in names(self.function).reserved

    def derive(self, take: Callable, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """See the function `derive`."""
        return derive(self.__name__, self.function, self.by, self.aux, take, args, keywords)

    def scalar(self, of: Callable, aux: bool) -> Callable:
        """See the function `scalar`."""
        return scalar(self.__name__, of, aux)


class Grad(Derivative):
    """See `grad`."""

    title = "grad"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The gradient; with `state`, the gradient and the state."""

        def take(of: Callable, value: Any, aux: bool) -> Any:
            return jax.grad(self.scalar(of, aux), has_aux=aux)(value)

        return self.derive(take, args, keywords)


class ValueAndGrad(Derivative):
    """See `value_and_grad`."""

    title = "value_and_grad"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The value and the gradient; with `state`, `((value, state), gradient)`."""

        def take(of: Callable, value: Any, aux: bool) -> Any:
            return jax.value_and_grad(self.scalar(of, aux), has_aux=aux)(value)

        return self.derive(take, args, keywords)


@dataclass(frozen=True)
class Jacobian(Derivative):
    """See `jacobian`."""

    title = "jacobian"
    mode: str = "reverse"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The Jacobian; with `state`, the Jacobian and the state."""
        transform = jax.jacrev if self.mode == "reverse" else jax.jacfwd

        def take(of: Callable, value: Any, aux: bool) -> Any:
            return transform(of, has_aux=aux)(value)

        return self.derive(take, args, keywords)


class Hessian(Derivative):
    """See `hessian`."""

    title = "hessian"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The Hessian; with `state`, the Hessian and the state."""

        def take(of: Callable, value: Any, aux: bool) -> Any:
            return jax.hessian(self.scalar(of, aux), has_aux=aux)(value)

        return self.derive(take, args, keywords)


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

        def take(of: Callable, value: Any, aux: bool) -> Any:
            gradient = jax.grad(self.scalar(of, aux), has_aux=aux)
            tangent = like(value, vector)
            _, *product = jax.jvp(gradient, (value,), (tangent,), has_aux=aux)
            return tuple(product) if aux else product[0]

        return self.derive(take, args, keywords)


def grad(f: Callable, by: Wanted = None, has_aux: bool = False) -> Callable:
    """The gradient of a scalar function, with the function's own signature.

    >>> import jax.numpy as jnp
    >>> def loss(params, x):
    ...     return (params["weight"] * x).sum()
    >>> grad(loss)({"weight": jnp.ones(3)}, jnp.arange(3.0))
    {'weight': Array([0., 1., 2.], dtype=float32)}
    >>> grad(loss, by="x")({"weight": jnp.ones(3)}, jnp.arange(3.0))
    Array([1., 1., 1.], dtype=float32)

    With objects: `grad(loss)(net, x, y)` and `grad(net.loss)(x, y)` are dicts of tensors by the
    paths of the parameters of `net`, and so is `grad(lambda x: net(x).sum(), by=net)(x)`.
    """
    return kept(Grad(f, frozen(by), has_aux))


def value_and_grad(f: Callable, by: Wanted = None, has_aux: bool = False) -> Callable:
    """The value and the gradient; with `state`, `((value, state), gradient)`."""
    return kept(ValueAndGrad(f, frozen(by), has_aux))


def jacobian(
    f: Callable,
    by: Wanted = None,
    has_aux: bool = False,
    *,
    mode: Literal["reverse", "forward"] = "reverse",
) -> Callable:
    """All derivatives of all outputs: for pytrees, a pytree like the output of pytrees like `by`.

    `reverse` costs one pass for each output, `forward` one for each input.
    """
    if mode not in ("reverse", "forward"):
        raise TransformError(f"jacobian: given mode {mode!r}, wanted 'reverse' or 'forward'")
    return kept(Jacobian(f, frozen(by), has_aux, mode))


def hessian(f: Callable, by: Wanted = None, has_aux: bool = False) -> Callable:
    """All second derivatives of a scalar function, forward over reverse."""
    return kept(Hessian(f, frozen(by), has_aux))


def hessian_vector_product(f: Callable, by: Wanted = None, has_aux: bool = False) -> Callable:
    """The Hessian times a vector, at the cost of a few gradients; the vector comes first.

    >>> import jax.numpy as jnp
    >>> product = hessian_vector_product(lambda x: (x**3).sum())
    >>> product(jnp.array([1.0, 0.0]), jnp.array([1.0, 2.0]))
    Array([6., 0.], dtype=float32)
    """
    return kept(HessianVectorProduct(f, frozen(by), has_aux))


def kept(made: Derivative) -> Callable:
    """`made`, or an equal one; one by objects is not kept, since these would live on in it."""
    objects = any(isinstance(x, Stateful) for x in jax.tree.leaves(made.by))
    return made if objects else keep(made)  # type: ignore[return-value]


def frozen(by: Wanted) -> Wanted:
    """`by` as a value that can be hashed."""
    return by if by is None or isinstance(by, str | Stateful) else tuple(by)


def vjp(f: Callable, *args: Any, by: Wanted = None, **keywords: Any) -> tuple[Any, ...]:
    """The value and its pullback; with `state`, the value, the pullback and the state.

    The pullback takes a cotangent of the value and gives one of the argument called `by` (a tuple
    when `by` is one). It is a pytree, so it can leave a compiled program.

    >>> import jax.numpy as jnp
    >>> value, pullback = vjp(jnp.sin, jnp.zeros(2))
    >>> pullback(jnp.ones(2))
    Array([1., 1.], dtype=float32)
    """

    def take(of: Callable, value: Any, aux: bool) -> tuple[Any, ...]:
        output, pullback, *more = jax.vjp(of, value, has_aux=aux)
        pull = _PullBoxes(jax.tree.structure(output)) if in_boxes(output) else _pull
        return output, Partial(pull, pullback), *more

    return derive(f"vjp({label(f)})", f, by, "state" in names(f).reserved, take, args, keywords)


def _pull(pullback: Callable, cotangent: Any) -> Any:
    return pullback(cotangent)[0]


@dataclass(frozen=True)
class _PullBoxes:
    """A pullback whose cotangents and gradients are objects."""

    structure: Any

    def __call__(self, pullback: Callable, cotangent: Any) -> Any:
        arrays = jax.tree.leaves(boxed(cotangent))
        with jax.enable_x64(True):
            return closed(pullback(jax.tree.unflatten(self.structure, arrays))[0])


def jvp(
    f: Callable, *args: Any, tangent: Any, by: Wanted = None, **keywords: Any
) -> tuple[Any, ...]:
    """The value and its change along `tangent`, which is shaped like the argument called `by`.

    With `state`: the value, the change and the state.

    >>> import jax.numpy as jnp
    >>> jvp(jnp.sin, jnp.zeros(2), tangent=jnp.ones(2))[1]
    Array([1., 1.], dtype=float32)
    """

    def take(of: Callable, value: Any, aux: bool) -> tuple[Any, ...]:
        return jax.jvp(of, (value,), (like(value, tangent),), has_aux=aux)

    return derive(f"jvp({label(f)})", f, by, "state" in names(f).reserved, take, args, keywords)
