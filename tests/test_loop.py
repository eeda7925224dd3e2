"""Loops that overwrite what they have read equal those of JAX, in every derivative."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fnn.loop import loop, scan

pytestmark = pytest.mark.unoptimised

TIME, WIDTH = 5, 3


def drawn(*shape):
    return jnp.asarray(np.random.default_rng(len(shape)).normal(size=shape))


@dataclass(frozen=True)
class Running:
    """A state runs through the rows of x, which leave what they have met."""

    def __call__(self, fixed, x):
        rows, state = x

        def step(state, each):
            row, factor = each
            state = jnp.sin(state * factor + row @ fixed["weight"])
            return state, (state * row, jnp.cos(state))

        last, (met, seen) = scan(step, state, rows, fixed["factors"], reverse=True)
        return met, seen, last


@dataclass(frozen=True)
class Sums:
    """Weighted sums of all rows so far."""

    def __call__(self, fixed, x):
        def step(state, each):
            row, factor = each
            state = state + factor * row
            return state, (state, None)

        return scan(step, jnp.zeros(x.shape[1:], x.dtype), x, fixed, reverse=False)[1][0]


@dataclass(frozen=True)
class Back:
    """The transpose of these."""

    def __call__(self, fixed, y):
        def step(state, each):
            row, factor = each
            state = state + row
            return state, (factor * state, None)

        return scan(step, jnp.zeros(y.shape[1:], y.dtype), y, fixed, reverse=True)[1][0]


def running(f, factors, weight, rows, state):
    return f(Running(), {"weight": weight, "factors": factors, "none": None}, (rows, state))


def sums(f, factors, rows):
    return f(Sums(), factors, rows, Back())


def plain(function, fixed, x, back=None):
    return function(fixed, x)


OPERANDS = {
    running: [(TIME,), (WIDTH, WIDTH), (TIME, WIDTH), (WIDTH,)],
    sums: [(TIME,), (TIME, WIDTH)],
}


def total(f, *given):
    return sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(f(*given)))


def derivatives(f, given, mapped):
    """The value, and derivatives of the first and the second order, some of many at once."""
    every = tuple(range(len(given)))
    slope = jax.grad(partial(total, f), every)
    directions = jax.tree.map(jnp.cos, given)
    axes = [0 if i in mapped else None for i in every]
    several = [jnp.stack([x, x + 1]) if i in mapped else x for i, x in enumerate(given)]
    return [
        f(*given),
        slope(*given),
        jax.jvp(f, given, directions),
        jax.jvp(slope, given, directions),
        jax.grad(lambda *x: sum(jnp.sum(g**2) for g in slope(*x)), every)(*given),
        jax.vmap(f, axes)(*several),
        jax.vmap(slope, axes)(*several),
        jax.jacfwd(slope, every)(*given),
    ]


def equal(found, wanted):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-12), found, wanted)


@pytest.mark.parametrize("mapped", [(0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("function", OPERANDS, ids=lambda f: f.__name__)
def test_equals_a_loop_of_jax(function, compiled, mapped):
    with jax.enable_x64(True):
        given = tuple(drawn(*shape) for shape in OPERANDS[function])
        wanted = derivatives(partial(function, plain), given, mapped)
        ours = partial(derivatives, partial(function, loop), mapped=mapped)
        equal(jax.jit(ours)(given) if compiled else ours(given), wanted)


def looped(function):
    def run(*given):
        rows = jax.tree.map(lambda x: x[None], given)
        return jax.tree.map(
            lambda y: y[0], lax.scan(lambda _, x: (None, function(*x)), None, rows)[1]
        )

    return run


@pytest.mark.parametrize("outside", [jax.checkpoint, looped], ids=["checkpoint", "scan"])
def test_inside_of_others(outside):
    with jax.enable_x64(True):
        given = tuple(drawn(*shape) for shape in OPERANDS[sums])
        wanted = derivatives(partial(sums, plain), given, (0,))
        equal(derivatives(outside(partial(sums, loop)), given, (0,)), wanted)


def test_no_rows():
    given = drawn(0), drawn(0, WIDTH)
    assert jax.grad(partial(total, partial(sums, loop)), 1)(*given).shape == (0, WIDTH)


def test_it_overwrites():
    """What a step finds has no memory of its own, so that nothing is filled with zeros first."""

    def memory(f):
        given = drawn(1000), drawn(1000, 64)
        program = jax.jit(lambda *x: sums(f, x[0], x[1] + 1)).lower(*given).compile()
        return program.memory_analysis().temp_size_in_bytes

    assert memory(loop) < memory(plain)
