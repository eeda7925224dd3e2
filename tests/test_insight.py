"""Looking into compiled steps: which layer an equation is of, who made a NaN, where time goes."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from fnn import linear, relu, tanh
from fnn.compose import layer, parallel, repeat, residual, serial
from fnn.loop import loop, scan
from fnn.pytorch import nn, optim
from fnn.torch7 import nn as nn7
from fnn.torch7 import optim as optim7
from transforms import NonFiniteError, explain, find_nonfinite, profile
from transforms.equations import Equations, layer_of

pytestmark = pytest.mark.unoptimised

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (6, 3))


def log(x):
    return jnp.log(x)


def exponential(x):
    return jnp.exp(100 * x)


def root(x):
    return jnp.sqrt(x)


def deep():
    return serial(layer(linear, 3, 4), residual(serial(tanh, layer(linear, 4, 4))), repeat(tanh, 2))


# The layers of equations.


def owners(function, *args):
    """The layers and passes of a function's equations, in order, each once in a row."""
    program = Equations(jax.make_jaxpr(function)(*args))
    found = [(e.place.layer, e.place.direction) for e in program.equations]
    return [pair for i, pair in enumerate(found) if pair != found[i - 1] or i == 0]


def test_equations_know_their_layer_and_pass():
    net = deep()
    params = net.init(KEY)

    def step(params):
        gradients = jax.grad(lambda params: net(params, X).sum())(params)
        return jax.tree.map(lambda p, g: p - g, params, gradients)

    found = owners(step, params)
    forward = [name for name, direction in found if direction == "forward" and name]
    backward = [name for name, direction in found if direction == "backward" and name]
    assert forward[:5] == ["0", "1.body.0", "1.body.1", "1", "2"]
    assert backward[0] == "2"
    assert backward[-3:] == ["1.body.1", "1.body.0", "0"]
    assert found[-1] == ("", "")  # the update


def test_names_add_no_equation():
    net, params = deep(), deep().init(KEY)

    def plain(params, x):
        x = linear(params["0"], x)
        x = x + linear(params["1"]["body"]["1"], tanh(x))
        return jax.lax.scan(lambda x, _: (tanh(x), None), x, None, length=2)[0]

    def texts(function):
        return re.sub(r"\w+:", "", str(jax.make_jaxpr(function)(params, X)))

    assert texts(net) == texts(plain)


STACKS = {
    "": (),
    "jvp()": (),
    "0/body/1": ("0", "body", "1"),
    "outer/jvp(0)/body": ("outer", "0", "body"),
    "transpose(jvp(0))/0": ("0", "0"),
    "vmap(transpose(jvp(0)))/body": ("0", "body"),
    "outer/transpose(outer)/jvp(0)/body": ("outer", "0", "body"),  # a custom_vjp
    "transpose(jvp(1))/0/jvp(1)/0/rematted_computation": ("1", "0"),
    "fc/transpose(fc)/jvp()": ("fc",),
    "fc/transpose(jvp(0.body))": ("fc", "0.body"),
    "0/0/transpose(jvp(0))/1": ("0", "0", "0", "1"),
    "0/0/transpose(0)/0/jvp(0)/0": ("0", "0", "0", "0"),
    "0/0/transpose(jvp(0))/1/0/0/jvp(0)/1": ("0", "0", "0", "1"),  # a checkpoint
    "transpose()/1/1/transpose(jvp(0))": ("1", "1", "0"),
    "transpose()/1/1/jvp(2)": ("1", "1", "2"),
    "attention/bhqd,bhkd->bhqk": ("attention",),
}


@pytest.mark.parametrize("stack", STACKS)
def test_names_are_read_from_scopes(stack):
    assert layer_of(stack) == STACKS[stack]


@pytest.mark.parametrize("wrap", [lambda f: f, jax.checkpoint, jax.jit], ids=["", "remat", "jit"])
def test_transforms_keep_the_names(wrap):
    net = serial(wrap(tanh), parallel(serial(relu, wrap(linear))))
    params = {"1": {"0": {"1": layer(linear, 3, 4).init(KEY)}}}

    def loss(params):
        with jax.named_scope("outer"):
            return net(params, X)[0].sum()

    found = owners(lambda params: jax.grad(loss)(params), params)
    assert ("outer.1.0.1", "forward") in found
    assert ("outer.1.0.1", "backward") in found
    assert {name for name, _ in found} <= {"outer", "outer.0", "outer.1.0.0", "outer.1.0.1"}


# The first number that is not finite.


def network(function):
    """A gradient step of a network with `function` as its layer 1.body.1."""
    net = serial(layer(linear, 3, 4), residual(serial(tanh, function)), layer(linear, 4, 2))

    def step(params, x):
        loss, gradients = jax.value_and_grad(lambda params: net(params, x).sum())(params)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradients), jnp.tanh(loss)

    return step, net.init(KEY)


def fails(step, *args):
    with pytest.raises(NonFiniteError) as found:
        step(*args)
    return found.value


FORMULAS = {
    # of tanh(Wx + b) where b is very large, or x is zero and b too
    "log of zero, forward": (log, 0.0, "Inf", "log", "forward"),
    "overflow, forward": (exponential, 1e30, "Inf", "exp", "forward"),
    "root of zero, backward": (root, 0.0, "Inf", "div", "backward"),
    "logarithm of a negative": (log, -1e30, "NaN", "log", "forward"),
}


@pytest.mark.parametrize("case", FORMULAS.values(), ids=FORMULAS)
def test_the_layer_and_the_pass_are_named(case):
    function, bias, kind, primitive, direction = case
    step, params = network(function)
    checked = find_nonfinite(step)
    good = params | {"0": {"weight": 0.1 + 0 * params["0"]["weight"], "bias": jnp.ones(4)}}
    wanted = jax.jit(step)(good, 0 * X)
    for ours, theirs in zip(*map(jax.tree.leaves, (checked(good, 0 * X), wanted)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    bad = good | {"0": {"weight": good["0"]["weight"], "bias": jnp.full(4, bias)}}
    error = fails(checked, bad, 0 * X)
    assert (error.step, error.kind, error.layer) == (2, kind, "1.body.1")
    assert (error.direction, error.primitive, error.argument) == (direction, primitive, "")
    assert re.search(rf"test_insight.py:\d+ \({function.__name__}\)", error.source)
    lines = str(error).splitlines()
    assert lines[0] == f"step 2: {kind} made by {primitive}, in layer 1.body.1, {direction}"
    assert lines[2].startswith(f"it gave float32[6,4], 24 entries: 24 {kind}")
    assert any(re.match(r"of float32\[6,4\], 24 entries: all finite, from ", x) for x in lines)
    assert any(line.startswith("seen in result[") for line in lines)


def test_a_line_of_a_formula_comes_with_the_line_that_called_it():
    def step(params, x):
        return linear(params, x)

    error = fails(find_nonfinite(step), {"weight": jnp.full((2, 3), 3e38)}, jnp.ones((1, 3)))
    assert error.primitive == "dot_general"
    assert re.fullmatch(
        r"\S*linear.py:\d+ \(linear\), from \S*test_insight.py:\d+ \(step\)", error.source
    )


def test_an_infinity_that_becomes_nan_is_followed():
    def softmax(x):
        with jax.named_scope("first"):
            e = jnp.exp(x)
        with jax.named_scope("second"):
            return e / e.sum()

    error = fails(find_nonfinite(softmax), jnp.array([1.0, 100.0]))
    assert (error.kind, error.primitive, error.layer) == ("Inf", "exp", "first")
    assert "1 Inf, the others from 2.71828 to 2.71828" in str(error)
    assert "it became NaN by div, in layer second, forward, at " in str(error)
    error = fails(find_nonfinite(softmax), jnp.array([1.0, jnp.inf]))
    assert (error.kind, error.primitive, error.layer) == ("NaN", "div", "second")
    assert "where Inf came from x" in str(error)


MASK = jnp.array([[True, True, False], [True, False, False]])


def masked_softmax(x):
    return jax.value_and_grad(lambda x: jax.nn.softmax(jnp.where(MASK, x, -jnp.inf))[:, 0].sum())(x)


def masked_scores(x):
    return jnp.where(MASK, x, -jnp.inf)


def masked_maximum(x):
    return jnp.where(MASK, x, -jnp.inf).max(-1), jax.lax.cummax(x)


def hidden_nan(x):
    return jnp.where(x > 10, jnp.log(x - 10), 0).sum()


def best_so_far(x):
    return jnp.minimum(jnp.where(x.sum() > 1e9, x[0, 0], jnp.inf), jnp.inf)


MEANT = [masked_softmax, masked_scores, masked_maximum, hidden_nan, best_so_far]


@pytest.mark.parametrize("function", MEANT, ids=lambda f: f.__name__)
def test_what_is_meant_is_no_error(function):
    x = jnp.ones((2, 3))
    found, wanted = find_nonfinite(function)(x), jax.jit(function)(x)
    for ours, theirs in zip(*map(jax.tree.leaves, (found, wanted)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_an_infinity_that_is_only_handed_on_is_no_error():
    state = {"best": jnp.array(jnp.inf), "mask": jnp.array([0.0, -jnp.inf])}

    def step(state, x):
        scores = x + state["mask"]
        return state, jax.nn.softmax(scores)

    _, found = find_nonfinite(step)(state, jnp.ones(2))
    np.testing.assert_array_equal(found, [1, 0])

    def all_scores(state, x):
        return x + state["mask"]

    error = fails(find_nonfinite(all_scores), state, jnp.ones(2))
    assert error.argument == "state['mask']"


def test_a_double_where_is_missed_in_the_backward():
    def step(x):
        return jax.grad(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0).sum())(x)

    error = fails(find_nonfinite(step), jnp.array([0.0, 1.0]))
    assert (error.kind, error.primitive) == ("Inf", "div")
    assert "it became NaN by mul, in no layer, backward" in str(error)


def test_an_input_that_was_bad_is_named():
    step, params = network(tanh)
    params["2"]["bias"] = jnp.array([1.0, jnp.nan])
    error = fails(find_nonfinite(step), params, X)
    assert (error.argument, error.kind, error.layer) == ("params['2']['bias']", "NaN", "")
    assert str(error).splitlines()[:2] == [
        "step 1: params['2']['bias'] had NaN in it before the step",
        "float32[2], 2 entries: 1 NaN, the others from 1 to 1",
    ]


def in_scan(x):
    def body(carry, element):
        with jax.named_scope("inside"):
            return jnp.sqrt(carry - element), carry

    with jax.named_scope("outside"):
        return jax.lax.scan(body, x, jnp.arange(5.0))


def in_loop(x):
    def function(times, x):
        return scan(lambda y, each: (jnp.sqrt(y - each[0]), each), x, times, None, reverse=False)[0]

    return loop(function, jnp.arange(5.0), x)


def in_while(x):
    return jax.lax.while_loop(
        lambda c: c[0] < 5, lambda c: (c[0] + 1, jnp.sqrt(c[1] - c[0])), (0, x)
    )


def in_cond(x):
    return jax.lax.cond(x > 0, lambda x: jnp.sqrt(x - 20), jnp.cos, x)


def in_jit(x):
    return jax.jit(lambda x: jnp.sqrt(x - 20))(x)


def in_checkpoint(x):
    return jax.checkpoint(lambda x: jnp.sqrt(x - 20))(x)


def in_vmap(x):
    return jax.vmap(lambda x: jnp.sqrt(x - 20))(jnp.stack([x, x]))


TURNS = dict.fromkeys((in_scan, in_loop, in_while), 2)
TURNS |= dict.fromkeys((in_cond, in_jit, in_checkpoint, in_vmap))


@pytest.mark.parametrize("function", TURNS, ids=lambda f: f.__name__)
def test_the_inside_of_loops_and_calls_is_looked_into(function):
    error = fails(find_nonfinite(function), jnp.float32(10))
    assert (error.kind, error.primitive) == ("NaN", "sqrt")
    assert error.layer == ("outside.inside" if function is in_scan else "")
    turn = TURNS[function]
    assert (f"in turn {turn} of a loop, from 0" in str(error)) == (turn is not None)


def test_a_network_repeated_names_the_layer_inside():
    net = repeat(serial(layer(linear, 3, 3), log), 4)
    error = fails(find_nonfinite(lambda params, x: net(params, x)), net.init(KEY), X)
    assert (error.layer, error.kind) == ("layer.1", "NaN")


def test_an_index_out_of_range_is_brought_in_by_its_line():
    from fnn.loss import cross_entropy

    error = fails(find_nonfinite(cross_entropy), jnp.ones((2, 3)), jnp.array([0, 7]))
    assert "NaN is a constant of the program" in str(error)
    assert "fnn/loss/" in error.source


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float64, jnp.complex64])
def test_other_types(dtype):
    with jax.enable_x64(True):
        step = find_nonfinite(lambda x, n: (x / x).sum() * n)
        assert step(jnp.ones(3, dtype), 2) == 6
        error = fails(step, jnp.zeros(3, dtype), 2)
    assert (error.kind, error.primitive) == ("NaN", "div")


def test_random_keys_and_numbers_pass():
    step = find_nonfinite(lambda key, scale, x: jax.random.normal(key, x.shape) * scale)
    assert step(KEY, 2, np.ones(3)).shape == (3,)
    assert step(KEY, 2.5, np.ones(3)).dtype == jnp.float32


def test_inside_another_transform_nothing_is_looked_at():
    checked = find_nonfinite(lambda x: jnp.log(x))
    assert np.isneginf(jax.jit(checked)(0.0))


# Imperative steps.


def pytorch_step():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Pure(root, {})), nn.Linear(4, 2)
    )
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(x):
        optimizer.zero_grad()
        loss = net(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    with torch.no_grad():
        net[0].weight.fill_(0)
        net[0].bias.fill_(1)
    return net, step


def torch7_step():
    torch7.manualSeed(0)
    net = nn7.Sequential().add(nn7.Linear(3, 4))
    net.add(nn7.Sequential().add(nn7.Tanh()).add(nn7.Pure(root, {}))).add(nn7.Linear(4, 2))
    net.modules[1].weight.zero()
    net.modules[1].bias.fill(1)
    params, grads = net.getParameters()
    config = {"learningRate": 0.1}

    def step(x):
        def feval(_):
            grads.zero()
            output = net.forward(x)
            net.backward(x, output.clone().fill(1))
            return output.sum(), grads

        return optim7.sgd(feval, params, config)[1][1]

    return params, config, step


def test_a_pytorch_step_is_left_as_it_was():
    net, step = pytorch_step()
    _, other = pytorch_step()
    checked, x = find_nonfinite(step), torch.ones(2, 3)
    for _ in range(3):
        assert checked(x).item() == pytest.approx(other(x).item(), rel=1e-6)
    before = {name: np.asarray(p.detach()).copy() for name, p in net.named_parameters()}
    error = fails(checked, torch.full((2, 3), float("inf")))
    assert error.step == 4
    assert error.argument or error.layer
    for name, p in net.named_parameters():
        np.testing.assert_array_equal(np.asarray(p.detach()), before[name])
    assert checked(x).item() == pytest.approx(other(x).item(), rel=1e-6)
    assert checked.steps == 5


@pytest.mark.parametrize("kind", ["forward", "backward", "parameter"])
def test_a_pytorch_layer_is_named(kind):
    net, step = pytorch_step()
    checked, x = find_nonfinite(step), torch.zeros(2, 3)
    checked(x)
    with torch.no_grad():
        if kind == "parameter":
            net[2].bias[1] = float("nan")
        else:
            net[0].bias.fill_(-1 if kind == "forward" else 0)
    error = fails(checked, x)
    if kind == "parameter":
        assert error.argument == "net.2.bias"
    else:
        assert (error.layer, error.direction) == ("1.1", kind)
        assert re.search(r"\(root\), from \S*test_insight.py:\d+ \(step\)", error.source)


def test_a_torch7_layer_is_named_and_nothing_changed():
    params, config, step = torch7_step()
    checked, x = find_nonfinite(step), torch7.zeros(2, 3)
    checked(x)
    params.fill(0)
    counter = config["evalCounter"]
    error = fails(checked, x)
    assert (error.layer, error.direction, error.kind) == ("1.1", "backward", "Inf")
    assert (np.asarray(params) == 0).all()
    assert config["evalCounter"] == counter


def test_a_step_that_is_compiled_already():
    _, step = pytorch_step()
    compiled = transforms.jit(step)
    checked = find_nonfinite(compiled)
    checked(torch.ones(2, 3))
    assert checked.__name__ == "step"


# A profile by layer.


def test_a_profile_has_a_row_for_each_layer_and_pass():
    step, params = network(tanh)
    found = profile(step)(params, X)
    rows = {(row.layer, row.direction): row for row in found.rows}
    layers = {"0", "1", "1.body.0", "1.body.1", "2"}
    assert {name for name, _ in rows} == {*layers, ""}
    assert {name for name, direction in rows if direction == "backward"} >= layers - {"1"}
    assert rows["0", "forward"].flops == 2 * 6 * 3 * 4 + 6 * 4
    assert rows["0", "forward"].bytes == 4 * (6 * 3 + 4 * 3 + 4 + 6 * 4)
    assert ("", "") in rows  # the update
    assert sum(row.share for row in found.rows) == pytest.approx(1)
    assert sum(row.milliseconds for row in found.rows) == pytest.approx(found.parts)
    assert min(found.milliseconds, found.starting) > 0


def test_a_profile_prints_as_a_table():
    step, params = network(tanh)
    found = profile(step, depth=1, rounds=1)(params, X)
    assert {row.layer for row in found.rows} == {"0", "1", "2", ""}
    lines = str(found).splitlines()
    assert lines[0].split() == ["layer", "pass", "ms", "share", "equations", "flops", "bytes"]
    assert len({len(line) for line in lines[:-1]}) == 1
    assert len(lines) == len(found.rows) + 2
    assert "the whole step, as one program" in lines[-1]
    assert found._repr_html_().count("<tr>") == len(found.rows) + 1


def test_operations_are_counted_in_loops_and_convolutions():
    def step(x, w):
        with jax.named_scope("loop"):
            y = jax.lax.scan(lambda c, _: (c @ w, None), x, None, length=5)[0]
        with jax.named_scope("conv"):
            image = y.reshape(1, 1, 4, 4)
            return jax.lax.conv(image, w.reshape(4, 1, 2, 2), (1, 1), "VALID")

    rows = profile(step, rounds=1)(jnp.ones((4, 4)), jnp.ones((4, 4))).rows
    assert [(row.layer, row.flops) for row in rows] == [
        ("loop", 5 * 2 * 4 * 4 * 4),
        ("conv", 2 * 4 * 3 * 3 * 2 * 2),
    ]


def test_a_profile_of_an_imperative_step_changes_nothing():
    net, step = pytorch_step()
    before = [np.asarray(p.detach()).copy() for p in net.parameters()]
    found = profile(step, rounds=1)(torch.ones(2, 3))
    rows = {(row.layer, row.direction) for row in found.rows}
    assert {("0", "forward"), ("1.0", "forward"), ("2", "backward"), ("0", "backward")} <= rows
    assert ("", "") in rows
    for old, p in zip(before, net.parameters(), strict=True):
        np.testing.assert_array_equal(np.asarray(p.detach()), old)
        assert p.grad is None


# Why an imperative step was compiled again.


class Settings:
    scale = 1.0

    def __init__(self):
        self.flag = True


def reasons(*changes):
    """The reasons for compiling a step, after each of some changes."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    settings = Settings()

    def step(x, target=None):
        optimizer.zero_grad()
        loss = net(x).sum() * (2 if settings.flag else 1)
        loss.backward()
        optimizer.step()
        return loss

    compiled, call = transforms.jit(step), {"x": torch.ones(2, 3)}
    compiled(**call), compiled(**call)
    with explain("step") as log:
        for change in changes:
            change(net, optimizer, settings, call)
            compiled(**call)
    place = f"{__file__}:{step.__code__.co_firstlineno}"
    assert all(c.place == place for c in log.compilations)
    assert place in str(log)
    return [c.reason for c in log.compilations]


def longer(net, optimizer, settings, call):
    call["x"] = torch.ones(5, 3)


def shorter(net, optimizer, settings, call):
    call["x"] = torch.ones(2, 3)


def maximised(net, optimizer, settings, call):
    optimizer.param_groups[0]["maximize"] = True


def evaluate(net, optimizer, settings, call):
    net[1].eval()


def switch(net, optimizer, settings, call):
    settings.flag = False


def targeted(net, optimizer, settings, call):
    call["target"] = {"label": torch.ones(2)}


def extended(net, optimizer, settings, call):
    net.add_module("last", nn.Tanh())


CHANGES = {
    longer: "x: float32[5,3], before float32[2,3]",
    maximised: "optimizer.param_groups.0.maximize: True, before False",
    evaluate: "net.1.training: False, before True",
    switch: "settings.flag: False, before True",
    targeted: "target['label']: a Tensor, before absent",
    extended: "net.last: a Tanh, before absent",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_the_reason_is_named(change):
    (reason,) = reasons(change)
    assert reason.split("; ")[0] == CHANGES[change]


def test_the_nearest_program_is_the_one_compared_with():
    found = reasons(longer, maximised, shorter)
    assert [reason.split("; ")[0] for reason in found] == [
        CHANGES[longer],
        CHANGES[maximised],
        CHANGES[maximised],
    ]
