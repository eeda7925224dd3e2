"""Transforms of modules, methods and imperative code, in both dialects."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.core import Tracer

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from fnn.norm import batch_norm
from fnn.pytorch import nn, optim
from fnn.torch7 import nn as nn7
from fnn.torch7.random import keys as keys7
from transforms import TransformError, checkpoint, grad, value_and_grad, vmap

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(5, 3)).astype(np.float32)
Y = RANDOM.normal(size=(5, 2)).astype(np.float32)


def values(x):
    return np.asarray(x.detach() if isinstance(x, torch.Tensor) else x).copy()


def same(found, wanted, tolerance=2e-6):
    np.testing.assert_allclose(values(found), values(wanted), rtol=tolerance, atol=tolerance)


def alike(found, wanted, tolerance=2e-6):
    assert list(found) == list(wanted)
    for name in wanted:
        same(found[name], wanted[name], tolerance)


# A network in each dialect, its loss, and its gradients in the dialect's own way.


class Net(nn.Module):
    """Has a forward of its own, so it has no pure layer."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        h = torch.tanh(self.first(x))
        h = h * self.scale
        kept = torch.zeros_like(h)
        kept += h
        return self.second(kept)

    def loss(self, x, y):
        return ((self(x) - y) ** 2).sum()


class Scale7(nn7.Module):
    """A module with its three methods written by hand."""

    def __init__(self, size):
        super().__init__()
        self.weight = torch7.Tensor(size).fill(1.5)
        self.gradWeight = torch7.Tensor(size).zero()

    def updateOutput(self, input):
        self.output.resizeAs(input).copy(input)
        self.output.cmul(
            self.weight.view(1, -1).expandAs(input) if input.dim() > 1 else self.weight
        )
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput.resizeAs(input).copy(gradOutput)
        self.gradInput.cmul(self.weight.view(1, -1).expandAs(input))
        return self.gradInput

    def accGradParameters(self, input, gradOutput, scale=1):
        self.gradWeight.add(scale, torch7.cmul(input, gradOutput).sum(1).view(-1))


def derived():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def loss(net, x, y):
    return ((net(x) - y) ** 2).sum()


def sequential7(*modules):
    net = nn7.Sequential()
    for module in modules or (nn7.Linear(3, 4), nn7.Tanh(), nn7.Linear(4, 2)):
        net.add(module)
    return net


CRITERION = nn7.MSECriterion(False)


def loss7(net, x, y):
    return CRITERION.forward(net.forward(x), y)


def data():
    return torch.from_numpy(X), torch.from_numpy(Y)


def data7(dtype=np.float64):
    return torch7.fromarray(X.astype(dtype)), torch7.fromarray(Y.astype(dtype))


def by_tape(net, x, y):
    kept = {n: p.grad for n, p in net.named_parameters()}
    net.zero_grad()
    loss(net, x, y).backward()
    found = {n: values(p.grad) for n, p in net.named_parameters()}
    for name, p in net.named_parameters():
        p.grad = kept[name]
    return found


def by_backward(net, x, y):
    net.zeroGradParameters()
    output = net.forward(x)
    CRITERION.forward(output, y)
    net.backward(x, CRITERION.backward(output, y))
    return [values(g) for g in net.parameters()[1]]


@pytest.fixture(autouse=True)
def nothing_leaks():
    """No tracer stays in a storage that somebody can reach, whatever a test does."""
    torch.manual_seed(0)
    torch7.manualSeed(0)
    yield
    for stream in (torch.default_generator.keys, keys7):
        assert not isinstance(stream.storage.array, Tracer)
    assert not transforms.cells.tracing()
    assert not transforms.functional.transformed()
    assert not jax.config.jax_enable_x64


def clean(net):
    """Whether a module's cells hold numbers."""
    cells = [x for _, x in transforms.objects.form(net) if isinstance(x, transforms.cells.Cell)]
    return cells and not any(isinstance(cell.array, Tracer) for cell in cells)


# Gradients.


@pytest.mark.parametrize("make", [derived, Net])
def test_grad_of_a_pytorch_module_is_that_of_the_tape(make):
    net, (x, y) = make(), data()
    wanted = by_tape(net, x, y)
    found = grad(loss)(net, x, y)
    alike(found, wanted)
    assert all(type(g) is torch.Tensor and not g.requires_grad for g in found.values())
    assert all(p.grad is None for p in net.parameters())
    value, found = value_and_grad(loss)(net, x, y)
    assert value.item() == pytest.approx(loss(net, x, y).item())
    alike(found, wanted)
    assert clean(net)


@pytest.mark.parametrize("flat", [False, True], ids=["apart", "flat"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("by_hand", [False, True], ids=["derived", "by hand"])
def test_grad_of_a_torch7_module_is_its_backward(by_hand, dtype, flat):
    own = [Scale7(4)] if by_hand else []
    net, (x, y) = sequential7(nn7.Linear(3, 4), nn7.Tanh(), *own, nn7.Linear(4, 2)), data7(dtype)
    net.type(x.type())
    if flat:
        net.getParameters()
    wanted = by_backward(net, x, y)
    output, gradient = values(net.output), values(net.gradInput)
    value, found = value_and_grad(loss7)(net, 2 * x, y)
    assert float(value) == pytest.approx(float(loss7(net.clone(), 2 * x, y)), rel=1e-6)
    found = grad(loss7)(net, x, y)
    tolerance = 2e-6 if dtype == np.float32 else 1e-13
    names = [
        "1.weight",
        "1.bias",
        *(["3.weight", "4.weight", "4.bias"] if by_hand else ["3.weight", "3.bias"]),
    ]
    alike(found, dict(zip(names, wanted, strict=True)), tolerance)
    assert all(g.type() == x.type() for g in found.values())
    for g, w in zip(net.parameters()[1], wanted, strict=True):
        same(g, w, 0)
    same(net.output, output, 0)
    same(net.gradInput, gradient, 0)
    assert clean(net)


def test_backward_goes_on_from_the_last_forward_after_a_transform():
    net, (x, y) = sequential7(), data7()
    wanted = by_backward(net, x, y)
    net.zeroGradParameters()
    output = net.forward(x)
    grad(loss7)(net, 3 * x, y)
    same(output, net.output, 0)
    CRITERION.forward(output, y)
    net.backward(x, CRITERION.backward(output, y))
    for g, w in zip(net.parameters()[1], wanted, strict=True):
        same(g, w, 0)


def test_methods_and_modules_are_differentiated_by_their_own_parameters():
    net, (x, y) = Net(), data()
    wanted = by_tape(net, x, y)
    value, found = value_and_grad(net.loss)(x, y)
    assert value.item() == pytest.approx(loss(net, x, y).item())
    alike(found, wanted)
    alike(grad(lambda x: loss(net, x, y), by=net)(x), wanted)
    alike(grad(checkpoint(net.loss))(x, y), wanted)
    head = nn.Sequential(nn.Linear(3, 1))
    alike(grad(head)(x[0]), {"0.weight": X[:1], "0.bias": [1.0]})


def test_by_names_arguments_and_objects_in_any_mixture():
    net, (x, y) = derived(), data()
    x.requires_grad_()
    loss(net, x, y).backward()
    of_net, of_x = grad(loss, by=("net", "x"))(net, x, y)
    alike(of_net, {n: p.grad for n, p in net.named_parameters()})
    same(of_x, x.grad)
    (again,) = grad(lambda: loss(net, x, y), by=(x,))()
    same(again, x.grad)
    weight = net[0].weight
    same(grad(lambda x: loss(net, x, y), by=weight)(x), weight.grad)
    nested = grad(lambda pair, y: loss(pair["net"], pair["x"][0], y))({"net": net, "x": [x]}, y)
    alike(nested["net"], of_net)
    same(nested["x"][0], of_x)
    raw = grad(lambda a, net: (net(torch.from_numpy(X)) * 2).sum() * torch.as_tensor(a))
    assert raw(jnp.ones(()), net).shape == ()
    net[0].requires_grad_(False)
    assert list(grad(loss)(net, x, y)) == ["2.weight", "2.bias"]


def test_tensors_of_a_table():
    a, b = torch7.Tensor([1.0, 2.0]), torch7.Tensor([3.0, 4.0])
    found = grad(lambda t: (t[1] * t[2]) * 1.0)(torch7.Table([a, b]))
    assert isinstance(found, torch7.Table)
    same(found[1], b)
    same(found[2], a)


def test_views_of_one_memory_get_the_gradient_by_the_memory():
    memory = torch.arange(6.0)
    a, b = memory[:4], memory[2:]
    of_a, of_b = grad(lambda a, b: (a**2).sum() + (3 * b).sum(), by=("a", "b"))(a, b)
    same(of_a, [0, 2, 4 + 3, 6 + 3])
    same(of_b, [4 + 3, 6 + 3, 3, 3])


def test_derivatives_of_all_kinds_against_those_of_the_pure_network():
    net, (x, y) = derived(), data()
    apply, params, _ = net.pure()

    def pure(params, x):
        return ((apply(params, x) - Y) ** 2).sum()

    def named(tree):
        return {f"{n}.{k}": tree[n][k] for n in tree for k in ("weight", "bias")}

    wanted = named(transforms.jit(transforms.hessian(pure))(params, X)["0"]["weight"])
    alike(transforms.jit(transforms.hessian(loss))(net, x, y)["0.weight"], wanted, 1e-5)
    wanted = named(transforms.jacobian(apply)(params, X))
    for mode in ("reverse", "forward"):
        alike(transforms.jacobian(lambda net, x: net(x), mode=mode)(net, x), wanted)

    tangent = grad(loss)(net, x, y)
    tree = grad(pure)(params, X)
    product = transforms.hessian_vector_product(loss)(tangent, net, x, y)
    wanted = transforms.hessian_vector_product(pure)(tree, params, X)
    alike(product, named(wanted), 1e-4)
    value, change = transforms.jvp(loss, net, x, y, tangent=tangent)
    wanted = transforms.jvp(pure, params, X, tangent=tree)
    same(value, wanted[0], 1e-5)
    same(change, wanted[1], 1e-5)
    output, pullback = transforms.vjp(lambda net, x: net(x), net, x)
    same(output, net(x))
    alike(pullback(2 * (output - y)), tangent)
    assert clean(net)


def test_more_than_a_value():
    net, (x, y) = derived(), data()

    def both(net, x, y):
        output = net(x)
        return ((output - y) ** 2).sum(), {"output": output, "size": "five"}

    (value, more), found = value_and_grad(both, has_aux=True)(net, x, y)
    alike(found, by_tape(net, x, y))
    same(more["output"], net(x))
    assert more["size"] == "five"
    assert value.item() == pytest.approx(loss(net, x, y).item())
    with pytest.raises(TransformError, match="one value only"):
        grad(loss, has_aux=True)(net, x, y)


def test_higher_derivatives():
    x = torch.tensor(2.0)
    cube = grad(grad(lambda x: (x**3).sum()))
    assert cube(x).item() == 12
    assert grad(cube)(x).item() == 6
    x7 = torch7.Tensor([1.0, 2.0])
    slope = grad(lambda x: torch7.pow(x, 3).sum())
    same(grad(lambda x: slope(x).sum())(x7), [6, 12])

    # The norm of a gradient: by the transform, and by the tape inside of the function.
    net, (x, y) = derived(), data()

    def norm(net, x):
        return sum((g**2).sum() for g in grad(loss)(net, x, y).values())

    def norm_by_tape(net, x):
        loss(net, x, y).backward()
        return sum((p.grad**2).sum() for p in net.parameters())

    apply, params, _ = net.pure()

    def pure(x):
        def value(params):
            return ((apply(params, x) - Y) ** 2).sum()

        return sum((g**2).sum() for g in jax.tree.leaves(jax.grad(value)(params)))

    wanted = jax.grad(pure)(jnp.asarray(X))
    same(grad(norm, by="x")(net, x), wanted, 1e-4)
    same(grad(norm_by_tape, by="x")(net, x), wanted, 1e-4)
    assert net[0].weight.grad is not None  # as after calling it

    net7, (x7, y7) = sequential7(), data7()

    def norm7(net, x):
        net.zeroGradParameters()
        output = net.forward(x)
        CRITERION.forward(output, y7)
        net.backward(x, CRITERION.backward(output, y7))
        return sum(torch7.pow(g, 2).sum() for g in net.parameters()[1])

    found, step = values(grad(norm7, by="x")(net7, x7)), 1e-5
    for i, j in ((0, 0), (2, 1), (4, 2)):
        up, down = data7()[0], data7()[0]
        up[i + 1][j + 1] += step
        down[i + 1][j + 1] -= step
        slope = (float(norm7(net7, up)) - float(norm7(net7, down))) / (2 * step)
        assert found[i, j] == pytest.approx(slope, rel=1e-6)


def test_a_rule_of_its_own_for_the_gradient_is_kept():
    """What a pure layer defines as its derivative isn't lost in what the tape prepares."""

    @jax.custom_vjp
    def reverse(x):
        return x * 1

    reverse.defvjp(lambda x: (x * 1, None), lambda _, g: (-g,))
    x = torch.ones(3)
    weight = nn.Parameter(torch.ones(3))
    layer = nn.Pure(reverse, {})
    same(grad(lambda x: layer(x * weight).sum())(x), [-1, -1, -1])
    net = nn7.Sequential().add(nn7.Pure(reverse, {}))
    same(grad(lambda x: net.forward(x).sum())(torch7.Tensor([1.0, 2.0])), [-1, -1])


# What a call changes.


class Normed(nn.Module):
    def __init__(self, size):
        self.derive(batch_norm, size)


def test_running_statistics_change_as_by_a_call():
    net, (x, _) = nn.Sequential(nn.Linear(3, 4), Normed(4)), data()
    twin = nn.Sequential(nn.Linear(3, 4), Normed(4))
    twin.load_state_dict(net.state_dict())
    square = torch.zeros(1)

    def total(net, x):
        square.add_(1)
        net.last = net(x)
        return (net.last**2).sum()

    grad(total)(net, x)
    twin(x)
    same(net[1].running_mean, twin[1].running_mean)
    same(net[1].running_var, twin[1].running_var)
    assert square.item() == 1
    same(net.last, twin(x))
    net.eval()
    before = values(net[1].running_mean)
    grad(total)(net, x)
    same(net[1].running_mean, before, 0)
    assert clean(net)


@pytest.mark.parametrize(
    "transform", [grad, value_and_grad, vmap, checkpoint, lambda f: vmap(grad(f))]
)
def test_an_exception_leaves_everything_as_it_was(transform):
    net, (x, y) = Net(), data()
    net7, (x7, y7) = sequential7(Scale7(3)), data7()
    net7.forward(x7)
    output = values(net7.output)

    def fail(net, x, y):
        net.first.weight.data.add_(1)
        net.train(False)
        net(x)
        raise KeyError("later")

    def fail7(net, x, y):
        net.get(1).weight.add(1)
        net.evaluate()
        net.forward(x)
        raise KeyError("later")

    before = values(net.first.weight)
    for f, arguments in ((fail, (net, x, y)), (fail7, (net7, x7, y7))):
        with pytest.raises(KeyError, match="later"):
            transform(f)(*arguments)
    same(net.first.weight, before, 0)
    same(net7.get(1).weight, [1.5] * 3, 0)
    same(net7.output, output, 0)
    assert net.training
    assert net7.train is None
    assert clean(net)
    assert clean(net7)
    assert net.first.weight.grad_fn is None


def test_a_number_can_be_looked_at_only_outside():
    x = torch.ones(3)
    with pytest.raises(RuntimeError, match="not known"):
        grad(lambda x: x.sum() if x.sum() > 0 else -x.sum())(x)


# Examples and ensembles.


@pytest.mark.parametrize("make", [derived, Net])
def test_gradients_of_each_example_in_one_line(make):
    net, (x, y) = make(), data()
    found = vmap(grad(loss), over=("x", "y"))(net, x, y)
    for i in range(5):
        alike({n: g[i] for n, g in found.items()}, by_tape(net, x[i], y[i]))
    alike(vmap(grad(loss))(net, x, y), found, 0)
    alike(vmap(grad(net.loss))(x, y), found, 1e-6) if make is Net else None
    same(vmap(loss)(net, x, y), ((net(x) - y) ** 2).sum(1))


def test_gradients_of_each_example_in_torch7():
    net, (x, y) = sequential7(nn7.Linear(3, 4), Scale7(4), nn7.Linear(4, 2)), data7()
    found = vmap(grad(loss7))(net, x, y)
    for i in range(1, 6):
        wanted = grad(loss7)(net, x[i], y[i])
        alike({n: g[i] for n, g in found.items()}, wanted, 1e-13)
    losses = vmap(loss7)(net, x, y)
    assert losses.type() == "torch.DoubleTensor"
    same(losses, ((values(net.forward(x)) - Y) ** 2).sum(1), 1e-6)
    branches = nn7.ConcatTable().add(nn7.Linear(3, 2)).add(nn7.Tanh())
    a, b = vmap(branches)(x)
    wanted = branches.forward(x)
    same(a, wanted[1], 1e-13)
    same(b, wanted[2], 1e-13)


def test_an_ensemble_of_modules():
    nets = [nn.Sequential(nn.Linear(3, 4), Normed(4), nn.Linear(4, 2)) for _ in range(3)]
    twins = [nn.Sequential(nn.Linear(3, 4), Normed(4), nn.Linear(4, 2)) for _ in range(3)]
    for net, twin in zip(nets, twins, strict=True):
        twin.load_state_dict(net.state_dict())
    x, y = data()

    def forward(net, x):
        return net(x)

    outputs = vmap(forward, over="net")(nets, x)
    for output, net, twin in zip(outputs, nets, twins, strict=True):
        same(output, twin(x))
        same(net[1].running_mean, twin[1].running_mean)
        assert clean(net)
    pairs = torch.stack([x, 2 * x, 3 * x])
    outputs = vmap(forward)(nets, pairs)
    for output, net, twin, each in zip(outputs, nets, twins, pairs, strict=True):
        same(output, twin(each))
        same(net[1].running_var, twin[1].running_var)
    found = vmap(grad(loss), over="net")(nets, x, y)
    for i, twin in enumerate(twins):
        alike({n: g[i] for n, g in found.items()}, by_tape(twin, x, y), 1e-5)


def test_an_ensemble_in_torch7_may_lie_in_flat_memory():
    nets = torch7.Table([sequential7() for _ in range(3)])
    x, y = data7()
    for flat in (False, True):
        found = vmap(grad(loss7), over="net")(nets, x, y)
        for i, net in enumerate(nets, 1):
            alike({n: g[i] for n, g in found.items()}, grad(loss7)(net, x, y), 1e-13)
            if not flat:
                net.getParameters()


def test_an_ensemble_can_be_trained_by_the_tape():
    nets, (x, y) = [derived() for _ in range(3)], data()
    vmap(loss, over="net")(nets, x, y).sum().backward()
    for net in nets:
        alike({n: p.grad for n, p in net.named_parameters()}, by_tape(net, x, y))


@pytest.mark.parametrize("name", ["size", "setting", "structure"])
def test_members_of_an_ensemble_are_equal(name):
    other = {
        "size": lambda: nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.5)),
        "setting": lambda: nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.1)),
        "structure": lambda: nn.Sequential(nn.Linear(3, 4)),
    }[name]()
    net, (x, _) = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5)), data()
    with pytest.raises(TransformError, match=r"net\[1\]"):
        vmap(lambda net, x: net(x), over="net")([net, other], x)


def test_what_examples_have_in_common_they_cannot_write():
    net, (x, y) = nn.Sequential(nn.Linear(3, 2)), data()
    total = torch.zeros(1)
    with pytest.raises(TransformError, match="each example writes a value of its own"):
        vmap(lambda x: total.add_(x.sum()))(x)
    assert total.item() == 0
    vmap(lambda x: x + total.add_(1))(x)
    assert total.item() == 1
    with pytest.raises(TransformError, match="'grad' of a Parameter is set"):
        vmap(lambda x: net(x).sum().backward())(x)
    with pytest.raises(TransformError, match="'last' of a Linear is set"):
        vmap(lambda x: setattr(net[0], "last", net(x)))(x)
    with pytest.raises(TransformError, match="changed in place"):
        vmap(lambda x: x.add_(1))(x)
    with pytest.raises(TransformError, match="one Sequential"):
        vmap(loss, over=("net", "x"))(net, x, y)
    assert not hasattr(net[0], "last")


def test_noise_differs_between_examples_and_the_stream_goes_on_once():
    net, ones = nn.Dropout(0.5), torch.ones(4, 64)
    torch.manual_seed(3)
    first, second = values(vmap(net)(ones)), values(vmap(net)(ones))
    assert len({row.tobytes() for row in [*first, *second]}) == 8
    torch.manual_seed(3)
    same(vmap(net)(ones), first, 0)
    net(ones)
    torch.manual_seed(3)
    net(ones)
    same(vmap(net)(ones), second, 0)

    torch.manual_seed(3)
    compiled = transforms.jit(vmap(net))
    same(compiled(ones), first, 0)
    same(compiled(ones), second, 0)
    pair = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
    rows = values(vmap(pair)(ones))
    assert len({row.tobytes() for row in rows}) == 4
    noisy = vmap(lambda net, x: net(x), over="net")([nn.Dropout(0.5), nn.Dropout(0.5)], ones)
    assert (values(noisy[0]) != values(noisy[1])).any()


# Checkpoints.


@pytest.mark.parametrize("policy", ["nothing", "dots"])
@pytest.mark.parametrize("what", ["module", "method", "function"])
def test_checkpoint_on_the_tape_and_in_transforms(what, policy):
    net, (x, y) = Net(), data()
    f = {"module": net, "method": net.forward, "function": lambda x: net(x)}[what]
    wanted = by_tape(net, x, y)
    saved = checkpoint(f, policy)
    x.requires_grad_()
    output = saved(x)
    same(output, net(x), 0)
    ((output - y) ** 2).sum().backward()
    alike({n: p.grad for n, p in net.named_parameters()}, wanted)
    same(x.grad, grad(loss, by="x")(net, x, y))
    alike(grad(lambda x: ((saved(x) - y) ** 2).sum(), by=net)(x), wanted)
    with torch.no_grad():
        assert saved(x).grad_fn is None
    jaxpr = str(
        jax.make_jaxpr(lambda a: grad(lambda x: saved(x).sum())(torch.as_tensor(a)).array)(X)
    )
    assert "remat" in jaxpr or "checkpoint" in jaxpr


def test_checkpoint_in_a_compiled_step():
    losses = []
    for wrap in (lambda net: net, checkpoint):
        torch.manual_seed(0)
        net, (x, y) = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2)), data()
        optimizer, forward = optim.SGD(net.parameters(), lr=0.1), wrap(net)

        @transforms.jit
        def step(x, y):
            optimizer.zero_grad()  # noqa: B023
            value = ((forward(x) - y) ** 2).sum()  # noqa: B023
            value.backward()
            optimizer.step()  # noqa: B023
            return value

        losses.append([step(x, y).item() for _ in range(3)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


def test_checkpoint_in_torch7():
    net, (x, y) = sequential7(), data7()
    wanted = grad(loss7)(net, x, y)
    saved = checkpoint(net)
    alike(grad(lambda x: CRITERION.forward(saved(x), y), by=net)(x), wanted, 1e-13)
    same(saved(x), net.forward(x), 0)


# Compiled, and with other transforms inside.


def programs(compiled):
    return sum(map(len, compiled._lifted.programs.values()))


@pytest.mark.parametrize(
    "transform", [grad, value_and_grad, checkpoint, vmap, lambda f: vmap(grad(f))]
)
def test_compiled_once(transform):
    net, (x, y) = derived(), data()
    wanted = jax.tree.leaves(transform(loss)(net, x, y))
    with transforms.count_compilations(budget=1):
        for _ in range(3):
            found = transforms.jit(transform(loss))(net, x, y)
    for f, w in zip(jax.tree.leaves(found), wanted, strict=True):
        same(f, w)
    net[0].weight.data.mul_(2)
    found = transforms.jit(transform(loss))(net, x, y)
    for f, w in zip(
        jax.tree.leaves(found), jax.tree.leaves(transform(loss)(net, x, y)), strict=True
    ):
        same(f, w)
    assert programs(transforms.jit(transform(loss))) == 1
    assert clean(net)


def test_a_compiled_ensemble_with_statistics():
    nets = [nn.Sequential(nn.Linear(3, 4), Normed(4)) for _ in range(2)]
    twins = [nn.Sequential(nn.Linear(3, 4), Normed(4)) for _ in range(2)]
    x, _ = data()
    for net, twin in zip(nets, twins, strict=True):
        twin.load_state_dict(net.state_dict())
    compiled = transforms.jit(vmap(lambda net, x: net(x), over="net"))
    for _ in range(2):
        outputs = compiled(nets, x)
        for output, net, twin in zip(outputs, nets, twins, strict=True):
            same(output, twin(x))
            same(net[1].running_mean, twin[1].running_mean)
    assert programs(compiled) == 1


def test_a_compiled_function_inside():
    net, (x, _) = nn.Sequential(nn.Linear(3, 4), Normed(4)), data()
    inner = transforms.jit(lambda x: (net(x) ** 2).sum())
    inner(x)
    wanted = grad(lambda x: (net(x) ** 2).sum(), by=(net, x))(x)
    for _ in range(2):
        found = grad(inner, by=(net, x))(x)
        alike(found[0], wanted[0], 1e-5)
        same(found[1], wanted[1], 1e-5)
    assert clean(net)


def test_a_whole_step_can_be_differentiated():
    """By the learning rate: through backward and the optimiser's update."""
    x, y = data()

    def after(rate):
        torch.manual_seed(0)
        net = derived()
        net.zero_grad()
        loss(net, x, y).backward()
        return sum(((p.detach() - rate * p.grad) ** 2).sum() for p in net.parameters())

    rate = torch.tensor(0.1)
    found = grad(after)(rate).item()
    h = 1e-2  # a square in the rate, so that differences are exact up to rounding
    slope = (transforms.jit(after)(rate + h) - transforms.jit(after)(rate - h)) / (2 * h)
    assert found == pytest.approx(slope.item(), rel=1e-3)


def test_pure_functions_take_the_way_that_they_took():
    def pure(params, x):
        return (params * x).sum()

    assert type(grad(pure)(jnp.ones(3), jnp.ones(3))).__module__.startswith("jax")
    assert vmap(pure)(jnp.ones(()), jnp.ones((3, 2))).shape == (3,)
    net = derived()

    def closing(x):
        return net(torch.as_tensor(x)).sum()

    found = grad(closing)(jnp.asarray(X))
    assert isinstance(found, jax.Array)
    same(found, grad(lambda x: net(x).sum())(torch.from_numpy(X)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net, x, y: grad(lambda net, x: net(x))(net, x), "only a scalar has a gradient"),
        (lambda net, x, y: grad(loss, by="z")(net, x, y), "there is no argument 'z'"),
        (lambda net, x, y: grad(lambda i: i.sum())(torch.arange(3)), "only floating-point"),
        (
            lambda net, x, y: grad(lambda o: x.sum())(optim.SGD(net.parameters(), 1)),
            "no parameters",
        ),
        (lambda net, x, y: vmap(loss)(net, x, y[:3]), "the leading axes differ"),
        (lambda net, x, y: vmap(loss)(net, x, torch.tensor(1.0)), "has no leading axis"),
    ],
)
def test_errors(call, message):
    with pytest.raises(TransformError, match=message):
        call(derived(), *data())
