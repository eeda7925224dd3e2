"""Transforms by name: against jax's own, composed in any order, compiled once."""

import ast
import pickle
import sys
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.ad_checkpoint import checkpoint_name

import transforms
from transforms import (
    TransformError,
    checkpoint,
    count_compilations,
    grad,
    hessian,
    hessian_vector_product,
    jacobian,
    jvp,
    scan,
    value_and_grad,
    vjp,
    vmap,
)
from transforms.signature import names, place

pytestmark = pytest.mark.unoptimised

W = jnp.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]])
PARAMS = {"weight": W, "bias": jnp.array([0.5, -0.5])}
X = jnp.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [-2.0, 1.0, 0.5], [0.0, 1.0, -1.0]])
Y = jnp.array([0, 1, 1, 0])
KEY = jax.random.key(7)


def logits(params, x):
    y = x @ params["weight"].T
    return y + jnp.broadcast_to(params["bias"], y.shape)


def loss(params, x, y):
    return -jax.nn.log_softmax(logits(params, x))[y]


def noisy(params, x, key, *, train, p=0.5):
    kept = jax.random.bernoulli(key, 1 - p, x.shape) if train else jnp.ones(x.shape, bool)
    return (logits(params, jnp.where(kept, x, 0.0)) ** 2).sum()


def counting(params, state, x):
    return (logits(params, x) ** 2).sum(), {"seen": state["seen"] + 1, "last": x}


def equal(found, wanted, tolerance=1e-6):
    same = partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance)
    jax.tree.map(same, found, wanted)


@dataclass(frozen=True)
class Scaled:
    """A callable value that says its signature, as networks do."""

    by: float

    @property
    def __signature__(self):
        return signature(noisy)

    def __call__(self, params, x, key, *, train):
        return self.by * noisy(params, x, key, train=train)

    def method(self, params, x):
        return self.by * logits(params, x).sum()


CALLABLES = [
    (noisy, ("params", "x", "key"), ("train", "p"), {"params", "key", "train"}),
    (Scaled(2.0), ("params", "x", "key"), ("train", "p"), {"params", "key", "train"}),
    (Scaled(2.0).method, ("params", "x"), (), {"params"}),
    (partial(noisy, p=0.1), ("params", "x", "key"), ("train", "p"), {"params", "key", "train"}),
    (jax.jit(loss), ("params", "x", "y"), (), {"params"}),
    (vmap(grad(loss)), ("params", "x", "y"), (), {"params"}),
    (jnp.sin, ("x",), (), set()),
    (print, (), ("sep", "end", "file", "flush"), set()),
    (dict, (), (), set()),
]


@pytest.mark.parametrize(
    ("f", "positional", "keyword", "reserved"), CALLABLES, ids=lambda v: getattr(v, "__name__", "")
)
def test_signatures(f, positional, keyword, reserved):
    found = names(f)
    assert found[1] == positional
    assert found.keyword == keyword
    assert found.reserved == reserved


def test_arguments_are_placed_by_name():
    def f(params, x, mask=None, *more, key=None):
        pass

    assert place(f, (1,), {"x": 2}).args == (1, 2)
    assert place(f, (1, 2, 3, 4, 5), {"key": 6}) == (
        ("params", "x", "mask", "more[0]", "more[1]"),
        (1, 2, 3, 4, 5),
        {"key": 6},
    )
    assert place(lambda params, x=3, key=None: 0, (1,), {"key": 2}).args == (1, 3, 2)
    with pytest.raises(TransformError, match="<lambda>: missing a required argument: 'x'"):
        place(lambda x: x, (), {})


MEAN = lambda params, x, y: vmap(loss)(params, x, y).mean()  # noqa: E731
PLAIN = lambda params: jnp.stack([loss(params, x, y) for x, y in zip(X, Y, strict=True)]).mean()  # noqa: E731


def test_gradients_are_by_params_or_by_name():
    equal(grad(MEAN)(PARAMS, X, Y), jax.grad(PLAIN)(PARAMS))
    value, slope = value_and_grad(MEAN)(PARAMS, x=X, y=Y)
    equal((value, slope), jax.value_and_grad(PLAIN)(PARAMS))
    equal(grad(MEAN, by="x")(PARAMS, X, Y), jax.grad(MEAN, 1)(PARAMS, X, Y))
    both = grad(MEAN, by=["x", "params"])(PARAMS, X, Y)
    equal(both, jax.grad(MEAN, (1, 0))(PARAMS, X, Y))
    equal(grad(lambda x: x**2)(3.0), 6.0)
    equal(grad(lambda *xs: xs[0] * xs[1], by="xs[1]")(3.0, 4.0), 3.0)
    equal(
        grad(noisy)(PARAMS, X[0], KEY, train=True), jax.grad(noisy)(PARAMS, X[0], KEY, train=True)
    )


def test_state_comes_out_as_auxiliary_output():
    state = {"seen": 0, "last": X[1]}
    plain = jax.value_and_grad(counting, has_aux=True)(PARAMS, state, X[0])
    equal(value_and_grad(counting)(PARAMS, state, X[0]), plain)
    equal(grad(counting)(PARAMS, state, X[0]), (plain[1], plain[0][1]))
    value, pullback, after = vjp(counting, PARAMS, state, X[0])
    equal((value, after, pullback(jnp.ones(()))), (*plain[0], plain[1]))
    value, change, after = jvp(counting, PARAMS, state, X[0], tangent=PARAMS)
    equal((value, after), plain[0])
    equal(change, sum(jax.tree.leaves(jax.tree.map(jnp.vdot, PARAMS, plain[1]))))
    assert hessian(counting)(PARAMS, state, X[0])[1]["seen"] == 1
    assert hessian_vector_product(counting)(PARAMS, PARAMS, state, X[0])[1]["seen"] == 1
    with_aux = grad(lambda params: (params**2, "more"), has_aux=True)(3.0)
    assert with_aux == (6.0, "more")


def test_products_and_second_derivatives():
    value, pullback = jax.jit(partial(vjp, logits))(PARAMS, X)
    ones = jnp.ones_like(value)
    equal(pullback(ones), jax.vjp(logits, PARAMS, X)[1](ones)[0])
    _, pullback = vjp(logits, PARAMS, X, by=("params", "x"))
    equal(pullback(ones), jax.vjp(logits, PARAMS, X)[1](ones))
    equal(jvp(logits, PARAMS, X, tangent=X, by="x")[1], X @ W.T)
    for mode in ("reverse", "forward"):
        equal(jacobian(logits, mode=mode)(PARAMS, X), jax.jacobian(logits)(PARAMS, X))
    wanted = jax.hessian(loss)(PARAMS, X[0], 1)
    equal(hessian(loss)(PARAMS, X[0], 1), wanted)
    product = hessian_vector_product(loss)(PARAMS, PARAMS, X[0], 1)
    for name in PARAMS:
        rows = [
            jnp.tensordot(wanted[name][other], PARAMS[other], PARAMS[other].ndim)
            for other in PARAMS
        ]
        equal(product[name], sum(rows))


ERRORS = [
    (
        lambda: grad(logits)(PARAMS, X),
        "grad(logits): the value is float32[4,2]",
        "mean or sum",
    ),
    (lambda: grad(lambda x: (x, x))(1.0), "is (float32[], float32[])", "has_aux=True"),
    (lambda: grad(MEAN, by="z")(PARAMS, X, Y), "no argument 'z'", "given: params, x, y"),
    (lambda: grad(MEAN, by="param")(PARAMS, X, Y), "did you mean 'params'", ""),
    (lambda: grad(noisy, by="p")(PARAMS, X, KEY, train=True, p=0.1), "'p' is keyword-only", ""),
    (lambda: grad(lambda: 1.0)(), "no argument to differentiate by", ""),
    (
        lambda: grad(lambda params: params["a"]["w"].sum())({"a": {"w": jnp.ones(2), "n": Y}}),
        "params['a']['n'] is int32[4]",
        "pass them as another argument",
    ),
    (lambda: grad(lambda params: 0.0)([KEY]), "params[0] is key<fry>[]", ""),
    (lambda: vjp(loss, PARAMS, X[0], 1, by="y"), "y is 1", ""),
    (lambda: jacobian(logits, mode="back"), "given mode 'back'", ""),
    (lambda: vmap(loss)(PARAMS, X, Y[:3]), "x float32[4,3], y int32[3]", "over="),
    (lambda: vmap(loss)(PARAMS, X, 1), "y 1 has no leading axis", "over="),
    (lambda: vmap(lambda params: params)(PARAMS), "no array to map", ""),
    (lambda: vmap(loss, over="z")(PARAMS, X, Y), "no argument 'z'", ""),
    (
        lambda: checkpoint(loss, "dot"),
        "no policy 'dot'; did you mean 'dots'",
        "nothing, everything",
    ),
    (lambda: scan(lambda total: (total, None))(0.0), "no array to map", ""),
    (lambda: scan(lambda total, x: (total, x), length=3)(0.0, Y), "4 steps given, length=3", ""),
]


@pytest.mark.parametrize(("call", "said", "cause"), ERRORS)
def test_errors_say_what_is_wrong(call, said, cause):
    with pytest.raises(TransformError) as error:
        call()
    assert said in str(error.value)
    assert cause in str(error.value)


def test_vmap_shares_params_and_gives_each_example_a_key():
    one = [loss(PARAMS, x, y) for x, y in zip(X, Y, strict=True)]
    equal(vmap(loss)(PARAMS, X, Y), jnp.stack(one))
    drawn = vmap(noisy)(PARAMS, X, KEY, train=True)
    keys = jax.random.split(KEY, len(X))
    equal(drawn, jnp.stack([noisy(PARAMS, x, k, train=True) for x, k in zip(X, keys, strict=True)]))
    equal(vmap(noisy, over=("x", "key"))(PARAMS, X, keys, train=True), drawn)
    _, states = vmap(counting)(PARAMS, {"seen": jnp.array(2), "last": X[0]}, X)
    equal(states, {"seen": jnp.full(4, 3), "last": X})


def test_vmap_over_an_ensemble():
    members = jax.tree.map(lambda a: jnp.stack([a, 2 * a, -a]), PARAMS)
    found = vmap(noisy, over="params")(members, X[0], KEY, train=True)
    keys = jax.random.split(KEY, 3)
    alone = [jax.tree.map(lambda a, i=i: a[i], members) for i in range(3)]
    equal(
        found, jnp.stack([noisy(m, X[0], k, train=True) for m, k in zip(alone, keys, strict=True)])
    )


ORDERS = {
    "jit vmap grad": lambda f: jax.jit(vmap(grad(f)), static_argnames="train"),
    "vmap jit grad": lambda f: vmap(jax.jit(grad(f), static_argnames="train")),
    "vmap grad jit": lambda f: vmap(grad(jax.jit(f, static_argnames="train"))),
    "vmap grad checkpoint": lambda f: vmap(grad(checkpoint(f, "dots"))),
    "jit vmap checkpoint grad": lambda f: jax.jit(
        vmap(checkpoint(grad(f))), static_argnames="train"
    ),
    "transforms.jit vmap grad": lambda f: transforms.jit(vmap(grad(f))),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_transforms_compose_in_any_order(order):
    keys = jax.random.split(KEY, len(X))
    one = [jax.grad(noisy)(PARAMS, x, k, train=True) for x, k in zip(X, keys, strict=True)]
    wanted = jax.tree.map(lambda *leaves: jnp.stack(leaves), *one)
    equal(order(noisy)(PARAMS, X, KEY, train=True), wanted)


def test_equal_transforms_are_one_value_and_compile_once():
    for make in (
        lambda: grad(loss, by=["params"]),
        lambda: vmap(grad(loss), over=("x", "y")),
        lambda: scan(loss, carry="x", length=3),
        lambda: checkpoint(loss, ["a", "b"]),
        lambda: vmap(value_and_grad(Scaled(2.0))),
    ):
        assert make() == make()
        assert hash(make()) == hash(make())
        assert pickle.loads(pickle.dumps(make())) == make()
    assert vmap(grad(loss)) is vmap(grad(loss))
    assert grad(loss) != value_and_grad(loss)
    assert vmap(grad(loss)).__name__ == "vmap(grad(loss))"
    with count_compilations(vmap(grad(loss))) as count:
        for _ in range(3):
            jax.jit(vmap(grad(loss)))(PARAMS, X, Y)
    assert count.total == 1
    with count_compilations("vmap(grad(Scaled))") as count:
        programs = [jax.jit(vmap(grad(Scaled(2.0))), static_argnames="train") for _ in range(2)]
        for program in programs:
            program(PARAMS, X, KEY, train=True)
    assert count.total == 1


def saved(f, *args):
    """How many numbers the pullback of `f` remembers."""
    return sum(a.size for a in jax.tree.leaves(jax.vjp(f, *args)[1]) if hasattr(a, "size"))


def test_checkpoint_remembers_what_its_policy_names():
    def deep(params, x, *, scale):
        hidden = checkpoint_name(jnp.sin(x @ params) * scale, "hidden")
        return jnp.sin(jnp.sin(hidden @ params)).sum()

    params, x = jnp.ones((5, 5)), jnp.ones((7, 5))
    plain = partial(deep, scale=2.0)
    sizes = {}
    for policy in ("nothing", "dots", "dots_no_batch", "everything", ("hidden",)):
        remembered = checkpoint(deep, policy)
        equal(grad(remembered)(params, x, scale=2.0), jax.grad(plain)(params, x))
        sizes[policy] = saved(partial(remembered, scale=2.0), params, x)
    assert sizes["nothing"] == params.size + x.size
    assert sizes["hidden",] == sizes["nothing"] + x.size
    assert sizes["dots"] == sizes["dots_no_batch"] == sizes["nothing"] + 2 * x.size
    assert sizes["everything"] > sizes["dots"]


def test_checkpoint_keeps_train_static():
    equal(
        jax.jit(checkpoint(noisy), static_argnames=("train", "p"))(PARAMS, X, KEY, train=False),
        noisy(PARAMS, X, KEY, train=False),
    )


def test_scan_threads_carry_and_state_and_folds_the_key():
    def cell(params, state, hidden, x, key, *, train, scale=1.0):
        noise = jax.random.normal(key, x.shape) if train else jnp.zeros_like(x)
        hidden = jnp.tanh(hidden + scale * x @ params + noise)
        return (hidden, hidden.sum()), {"steps": state["steps"] + 1}

    params, hidden, state = jnp.eye(3) * 0.5, jnp.zeros(3), {"steps": 0}
    run = jax.jit(scan(cell), static_argnames=("train", "scale"))
    (last, outputs), after = run(params, state, hidden, X, KEY, train=True, scale=2.0)
    wanted = []
    for i, x in enumerate(X):
        key = jax.random.fold_in(KEY, i)
        (hidden, output), state = cell(params, state, hidden, x, key, train=True, scale=2.0)
        wanted.append(output)
    equal((last, outputs, after), (hidden, jnp.stack(wanted), state))
    shorter = run(params, {"steps": 0}, jnp.zeros(3), X[:2], KEY, train=True, scale=2.0)
    equal(shorter[0][1], outputs[:2])
    slope = grad(
        lambda params: scan(cell)(params, {"steps": 0}, hidden, X, KEY, train=True)[0][1].sum()
    )
    assert jnp.isfinite(slope(params)).all()


def test_scan_of_a_training_step_and_without_inputs():
    def step(params, x, y, *, rate):
        value, slope = value_and_grad(MEAN)(params, x, y)
        return jax.tree.map(lambda p, g: p - rate * g, params, slope), value

    several = lambda a: jnp.stack([a] * 5)  # noqa: E731
    after, losses = scan(step, carry="params")(PARAMS, several(X), several(Y), rate=0.5)
    params = PARAMS
    for value in losses:
        params, wanted = step(params, X, Y, rate=0.5)
        equal(value, wanted)
    equal(after, params)
    double = scan(lambda x: (2 * x, None), length=10)
    assert double(jnp.array(1)) == (1024, None)


def test_only_jax_numpy_and_the_standard_library_are_imported():
    allowed = {"jax", "numpy", "transforms", *sys.stdlib_module_names}
    for file in Path(transforms.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            else:
                continue
            for module in modules:
                assert module.split(".")[0] in allowed, f"{file.name} imports {module}"
                assert not module.startswith("jax._src"), f"{file.name} imports {module}"
