"""Why a function was compiled again: the argument by name, what it is and what it was."""

import logging
import sys
import threading
from functools import partial

import jax
import jax.numpy as jnp
import pytest

import transforms
from transforms import CompilationBudgetExceeded, count_compilations, explain, grad, vmap
from transforms.explain import in_words, report

X = jnp.ones((4, 3))
W = {"weight": jnp.ones((3, 2))}


def make():
    def layer(params, x, mask=None, *, train, activation=jnp.tanh):
        return activation(x @ params["weight"])

    return jax.jit(layer, static_argnames=("train", "activation"))


def reasons(*calls):
    """The reason for each compilation of one layer in a sequence of calls."""
    layer = make()
    with explain() as log:
        for args, keywords in calls:
            layer(*args, **{"train": True} | keywords)
    assert set(log.counts) <= {"layer"}
    return [compilation.reason for compilation in log.compilations]


FIRST = ((W, X), {})
half = {"weight": jnp.ones((3, 2), jnp.bfloat16)}
CHANGES = {
    "nothing": (FIRST, []),
    "shape": (((W, jnp.ones((5, 3))), {}), ["x: float32[5,3], before float32[4,3]"]),
    "dtype": (
        ((half, X.astype(jnp.bfloat16)), {}),
        [
            "params['weight']: bfloat16[3,2], before float32[3,2]; "
            "x: bfloat16[4,3], before float32[4,3]"
        ],
    ),
    "static value": (((W, X), {"train": False}), ["train: False, before True"]),
    "structure": (((W | {"bias": X}, X), {}), ["params['bias']: float32[4,3], before absent"]),
    "optional": (((W, X, X), {}), ["mask: float32[4,3], before None"]),
    "weak type": (
        ((W | {"scale": 1.0}, X), {}),
        ["params['scale']: float32[] (weak type), before absent"],
    ),
}


@pytest.mark.parametrize(("call", "wanted"), CHANGES.values(), ids=CHANGES)
def test_the_changed_argument_is_named(call, wanted):
    assert reasons(FIRST, call, call) == ["first call", *wanted]


def test_the_nearest_earlier_call_is_the_one_compared_with():
    weak, strong = W | {"scale": 1.0}, W | {"scale": jnp.ones(())}
    tall = jnp.ones((9, 3))
    calls = [((W, X), {}), ((W, tall), {"train": False}), ((weak, X), {}), ((strong, X), {})]
    assert reasons(*calls)[-1] == "params['scale']: float32[], before float32[] (weak type)"
    # Of equally near ones, the last.
    assert reasons(*calls[:2], ((W, tall), {}))[-1] == "train: True, before False"


def test_a_function_as_argument_is_told_by_its_identity():
    found = reasons(FIRST, ((W, X), {"activation": jnp.sin}))
    assert found[1].startswith("activation: ")


def test_a_function_made_again_and_again():
    with explain() as log:
        for shift in range(3):
            jax.jit(lambda x, shift=shift: x + shift)(X)
    again = "another function made by the same code"
    found = [c.reason for c in log.compilations]
    assert found[0] == "first call"
    assert all(reason.startswith(again) and "test_explain.py" in reason for reason in found[1:])


def test_settings_of_jax():
    layer = make()
    layer(W, X, train=True)
    with explain() as log, jax.default_matmul_precision("highest"):
        layer(W, X, train=True)
    assert log.compilations[0].reason == "jax_default_matmul_precision: highest, before None"


def test_an_earlier_call_outside_the_block_is_known_in_jax_s_words():
    layer = make()
    layer(W, X, train=True)
    with explain() as log:
        layer(W, X, train=True)
        layer(W, jnp.ones((5, 3)), train=True)
    assert [c.reason for c in log.compilations] == ["x: f32[5,3], before f32[4,3]"]


def test_words_that_are_not_understood_are_passed_on():
    assert in_words("something\n  new") == "something new"
    assert in_words("") == "no reason is known"
    static = "<class 'jax._src.tree_util.Static'> with pytree metadata Static(val={})"
    said = (
        f"  * at input path [1]['p'], now {static.format(1)} and before {static.format(2)}, so no"
    )
    assert in_words(said) == "p: 1, before 2"


def test_transforms_and_callables_are_named():
    def loss(params, x):
        return (x @ params["weight"]).sum()

    class Network:
        def __call__(self, x):
            return 2 * x

        def method(self, x):
            return 3 * x

    network = Network()
    with explain() as log:
        program = jax.jit(vmap(grad(loss)))
        program(W, X)
        program(W, jnp.ones((2, 4, 3)))
        for x in (X, X[:2]):
            jax.jit(network)(x)
            jax.jit(network.method)(x)
        jax.jit(partial(loss, W))(X)
    assert log.counts["vmap(grad(loss))"] == 2
    assert log.compilations[1].reason == "x: float32[4,3], before float32[3]"
    assert log.counts["method"] == 2
    assert log.counts["loss"] == 1
    assert log.total == 7


def test_a_function_inside_another_is_not_counted_apart():
    inner = make()

    def outer(x):
        return inner(W, x, train=True).sum()

    with explain() as log:
        jax.jit(outer)(X)
    assert log.counts == {"outer": 1}
    assert log.compilations[0].arguments == {"x": "float32[4,3]"}


def test_single_operations_are_counted_apart():
    with explain() as log:
        _ = jnp.ones(1237) + 1
    assert log.total == 0
    assert log.operations.total() > 0
    assert "single operations outside jit" in str(log)


def test_counts_of_the_functions_asked_for():
    first, second = make(), jax.jit(jnp.cosh)
    with count_compilations("layer", jnp.cosh) as count:
        for size in (3, 4, 3):
            first(W, jnp.ones((size, 3)), train=True)
            second(jnp.ones(1000 + size))
            jax.jit(lambda x: x)(X)
    assert count.counts == {"layer": 2, "cosh": 2}
    assert count.total == 4


def test_a_budget():
    layer = make()
    with count_compilations(budget=1):
        layer(W, X, train=True)
    with pytest.raises(CompilationBudgetExceeded) as error, count_compilations(budget=0):
        layer(W, X, train=False)
    assert str(error.value).startswith("1 programs compiled, 0 allowed\nlayer (")
    with pytest.raises(ZeroDivisionError), count_compilations(budget=0):
        layer(W, X[: 1 // 0], train=False)


def test_a_reason_told_from_outside():
    layer = make()
    report("layer", "nobody listens")
    with explain() as outer, explain() as log:
        layer(W, X, train=True)
        report("layer", "p: 0.1, before 0.5")
        layer(W, X, train=False)
    found = [c.reason for c in log.compilations]
    assert found == [c.reason for c in outer.compilations]
    assert found == ["first call", "p: 0.1, before 0.5"]


def test_lifted_programs_tell_their_own_reasons():
    assert transforms.explain is explain

    def step(x):
        return x * 2

    compiled = transforms.jit(step)
    with explain() as log:
        for x in (X, X, X[:2]):
            compiled(x)
    assert [c.reason for c in log.compilations] == [
        "first call",
        "x: float32[2,3], before float32[4,3]",
    ]


def test_nothing_is_left_behind():
    logger = logging.getLogger("jax")
    before = logger.level, list(logger.handlers)
    logger.setLevel(logging.ERROR)
    try:
        with explain() as log:
            jax.jit(lambda x: x)(X)
        with pytest.raises(ZeroDivisionError), explain():
            jax.jit(lambda x: 1 / 0)(X)
        assert log.total == 1
        assert logger.level == logging.ERROR
    finally:
        logger.setLevel(before[0])
    assert (logger.level, logger.handlers) == before
    assert sys.getprofile() is None
    assert not jax.config.jax_explain_cache_misses


def test_another_thread_is_heard():
    with explain() as log:
        worker = threading.Thread(target=lambda: make()(W, X, train=True))
        worker.start()
        worker.join()
        make()(W, X, train=True)
    assert log.counts["layer"] >= 1


def test_a_profiler_is_left_alone():
    seen = []
    sys.setprofile(lambda frame, event, _: seen.append(event))
    try:
        found = reasons(FIRST, ((W, jnp.ones((5, 3))), {}))
    finally:
        sys.setprofile(None)
    assert found == ["first call", "x: f32[5,3], before f32[4,3]"]
    assert seen
