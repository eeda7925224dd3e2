"""What backward computes from: what forward kept, and what tensors and settings are by then."""

import copy
import pickle

import numpy as np
import pytest

import fnn.torch7 as torch
import transforms
from fnn.errors import LayerError
from fnn.torch7 import nn
from tests.torch7_numbers import assert_close
from tests.torch7_own import Double

pytestmark = pytest.mark.unoptimised


CONTENT = [  # with what forward kept of the input
    *((name, (), (2, 4)) for name in ("Tanh", "Sigmoid", "SoftMax", "LogSoftMax", "SoftMin")),
    *((name, (), (2, 4)) for name in ("SoftPlus", "ELU", "TanhShrink", "Exp", "Sqrt")),
    ("Max", (1,), (4, 2)),
    ("Min", (2,), (2, 4)),
    ("Euclidean", (4, 3), (2, 4)),
    ("TemporalRowConvolution", (2, 2), (4, 2)),
    ("TemporalMaxPooling", (2,), (4, 2)),
    ("TemporalDynamicKMaxPooling", (2,), (4, 2)),
    ("SpatialConvolution", (2, 3, 2, 2), (2, 4, 4)),
    ("SpatialMaxPooling", (2, 2), (2, 4, 4)),
    ("SpatialFractionalMaxPooling", (2, 2, 3, 3), (2, 4, 4)),
    ("VolumetricConvolution", (2, 3, 2, 2, 2), (2, 3, 3, 3)),
]


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a network"])
@pytest.mark.parametrize(("name", "arguments", "size"), CONTENT)
def test_backward_is_content_with_what_forward_kept(name, arguments, size, inside):
    module, x = getattr(nn, name)(*arguments), torch.randn(*size).abs()
    net = nn.ConcatTable().add(module).add(nn.Square()) if inside else module
    g = torch.randn(*module.forward(x).size())
    gradients = net.parameters()[1] or []
    found = []
    for overwrite in (False, True):
        net.zeroGradParameters()
        torch.manualSeed(1)
        net.forward(x)
        before = x.clone()
        if overwrite:
            x.mul(-2).add(1)
        net.backward(x, [g, x.clone().zero()] if inside else g)
        found.append([np.asarray(t) for t in (module.gradInput, *gradients)])
        x.copy(before)
    for wanted, kept in zip(*found, strict=True):
        np.testing.assert_allclose(kept, wanted)


@pytest.mark.parametrize(
    "module",
    [
        lambda inplace: nn.ELU(0.7, inplace),
        lambda inplace: nn.LeakyReLU(0.2, inplace),
        lambda inplace: nn.HardTanh(-0.5, 0.5, inplace),
        lambda inplace: nn.MulConstant(2.5, inplace),
        lambda inplace: nn.Sequential().add(Double()).add(nn.ELU(0.7, inplace)),
    ],
)
def test_the_gradient_in_place_is_that_elsewhere(module):
    x, g, found = torch.randn(6), torch.randn(6), []
    for inplace in (False, True):
        net, own = module(inplace), x.clone()
        found.append([net.forward(own).tolist(), net.backward(own, g.clone()).tolist()])
    assert found[0] == found[1]


IN_PLACE = {
    "ReLU": (lambda: nn.ReLU(True), [0, 2], [0, 1]),
    "HardTanh": (lambda: nn.HardTanh(-1, 1, True), [-1, 1], [0, 0]),
    "AddConstant": (lambda: nn.AddConstant(1, True), [-2, 2], [1, 1]),  # undone by backward
    "Dropout": (lambda: nn.Dropout(0, False, True), [-2, 2], [1, 1]),
    "CAddTable": (lambda: nn.CAddTable(True), [-4, 4], [1, 1]),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_modules_share_the_memory_of_their_last_input_only(name):
    make, output, gradient = IN_PLACE[name]
    module = make()
    held = []
    for _ in range(2):
        x, g = torch.Tensor([-2, 2]), torch.ones(2)
        given = [x, x.clone()] if name == "CAddTable" else x
        held.append((x, g, module.forward(given), module.backward(given, g)))
        module.output.sum()
    for x, g, _, _ in held:
        assert (x.tolist(), g.tolist()) == (output, gradient)
    (_, _, y, _), (x, _, again, _) = held
    assert again is y is not x
    assert x.isSetTo(y)
    module.clearState()
    assert x.dim() == 1


def in_a_graph(first, last):
    x = nn.Identity()()
    return nn.gModule([x], [last(nn.Tanh()(first(x)))])


BETWEEN = {
    "in a row": lambda first, last: nn.Sequential().add(first).add(nn.Tanh()).add(last),
    "nested": lambda first, last: (
        nn.Sequential().add(nn.Sequential().add(first).add(nn.Tanh())).add(last)
    ),
    "beside a module of one's own": lambda first, last: (
        nn.Sequential().add(first).add(nn.Tanh()).add(last).add(Double()).add(nn.MulConstant(0.5))
    ),
    "in a graph": in_a_graph,
}


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("case", BETWEEN)
def test_backward_takes_what_the_tensors_hold(case, eager):
    with torch.eager(eager):
        first, last = nn.Linear(4, 3), nn.Linear(3, 2)
        net, x, g = BETWEEN[case](first, last), torch.randn(5, 4), torch.randn(5, 2)
        net.zeroGradParameters()
        net.forward(x)
        inner = np.tanh(np.asarray(x) @ np.asarray(first.weight).T + first.bias.tolist())
        for tensor in (first.weight, last.weight, x):
            tensor.mul(2)
        net.backward(x, g)
        by_inner = np.asarray(g) @ np.asarray(last.weight) * (1 - inner**2)
        np.testing.assert_allclose(np.asarray(net.gradInput), by_inner @ np.asarray(first.weight))
        np.testing.assert_allclose(np.asarray(last.gradWeight), np.asarray(g).T @ inner)
        np.testing.assert_allclose(np.asarray(first.gradWeight), by_inner.T @ np.asarray(x))


def setting(name, value):
    return lambda module: setattr(module, name, value)


SETTINGS = {
    "a factor": (lambda: nn.MulConstant(2), setting("constant_scalar", 5), lambda x: 5),
    "a bound": (lambda: nn.HardTanh(), setting("max_val", 0.1), lambda x: (x > -1) & (x < 0.1)),
    "the mode": (
        lambda: nn.BatchNormalization(3, 0, 1, False),  # of which the last statistics are kept
        lambda module: module.evaluate(),
        lambda x: x.var(0, ddof=1) ** -0.5,
    ),
    "the mode of noise": (
        lambda: nn.Dropout(0.5, True),
        lambda module: module.evaluate(),
        lambda x: 0.5,
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_backward_takes_the_settings_that_it_finds(case):
    """And the outputs that forward left: a network, as each of the modules in it."""
    make, change, slope = SETTINGS[case]
    x, g = torch.randn(5, 3), torch.randn(5, 3)
    by_x = slope(np.asarray(x)) * np.asarray(g)
    module = make()
    module.forward(x)
    change(module)
    np.testing.assert_allclose(module.backward(x, g), by_x)
    for between in BETWEEN.values():
        first, last = nn.MulConstant(1), make()
        net = between(first, last)
        net.forward(x)
        inner = np.tanh(np.asarray(x))
        change(last)
        first.constant_scalar = 3
        wanted = 3 * (1 - inner**2) * slope(inner) * np.asarray(g)
        np.testing.assert_allclose(net.backward(x, g), wanted)


def test_frequencies_scale_gradients_from_now_on():
    module, x = nn.LookupTable(4, 3), torch.Tensor([1, 4, 1])
    module.zeroGradParameters()
    module.forward(x)
    module.scaleGradByFreq()
    module.backward(x, torch.ones(3, 3))
    assert module.gradWeight.sum(2).view(-1).tolist() == [3, 0, 0, 3]


@pytest.mark.parametrize("compiled", [False, True])
def test_backward_may_be_for_an_earlier_input(compiled):
    """As in a loop over time with one layer; what inner modules need is of the last forward."""
    for make in (lambda: nn.Linear(3, 2), lambda: nn.Sequential().add(nn.Linear(3, 2))):
        module, xs, gs = make(), torch.randn(4, 3), torch.randn(4, 2)
        weight, grad = (tensors[1] for tensors in module.parameters())

        def through(module, xs, gs):
            module.zeroGradParameters()
            for t in range(1, 5):
                module.forward(xs[t])
            return [module.backward(xs[t], gs[t]).clone() for t in range(1, 5)]

        found = (transforms.jit(through) if compiled else through)(module, xs, gs)
        np.testing.assert_allclose(np.asarray(grad), np.asarray(gs).T @ np.asarray(xs), rtol=1e-12)
        for t, gradient in enumerate(found, 1):
            wanted = np.asarray(gs[t]) @ np.asarray(weight)
            np.testing.assert_allclose(np.asarray(gradient), wanted, rtol=1e-12)
    net = nn.Sequential().add(nn.Linear(3, 2)).add(nn.Tanh())
    net.forward(xs[1])
    y = np.asarray(net.forward(xs[2])).copy()
    net.zeroGradParameters()
    net.backward(xs[1], gs[1])
    wanted = np.outer(np.asarray(gs[1]) * (1 - y * y), np.asarray(xs[1]))
    np.testing.assert_allclose(np.asarray(net.get(1).gradWeight), wanted, rtol=1e-12)


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a network"])
def test_indices_that_are_no_long_tensor_are_those_of_the_last_forward(inside):
    for kind, row in ((torch.LongTensor, 1), (torch.DoubleTensor, 2)):
        module, g = nn.LookupTable(3, 2), torch.randn(1, 2)
        net = nn.Sequential().add(module).add(nn.MulConstant(1)) if inside else module
        earlier, later = kind([1]), kind([2])
        net.zeroGradParameters()
        net.forward(earlier)
        net.forward(later)
        net.backward(earlier, g)
        assert_close(module.gradWeight[row], g[1])
        net.zeroGradParameters()
        net.forward(later)
        later.fill(1)
        net.backward(later, g)
        assert_close(module.gradWeight[row], g[1])


def test_backward_takes_outputs_inside_that_were_changed():
    net = nn.Sequential().add(nn.Linear(4, 3)).add(nn.Dropout()).add(nn.Linear(3, 2))
    x, g = torch.randn(5, 4), torch.randn(5, 2)
    net.evaluate()
    net.zeroGradParameters()
    net.forward(x)
    first, dropout, last = net.modules
    inner = np.asarray(dropout.output.mul(2))
    last.weight.mul(3)
    for count in (1, 2):
        by_inner = np.asarray(g) @ np.asarray(last.weight)
        np.testing.assert_allclose(net.backward(x, g), by_inner @ np.asarray(first.weight))
        np.testing.assert_allclose(last.gradWeight, count * np.asarray(g).T @ inner)


def test_a_module_inside_can_go_back_by_itself():
    """After its network ran as one program; and with an input of its own."""
    first, last = nn.Linear(3, 2), nn.Tanh()
    net = nn.Sequential().add(first).add(last)
    x, g = torch.randn(4, 3), torch.randn(4, 2)
    net.forward(x)
    wanted = net.backward(x, g).clone()
    net.forward(x)
    assert_close(first.backward(x, last.backward(first.output, g)), wanted)
    alone = first.forward(x.clone().mul(2)).clone()
    assert first.output.equal(alone)


def test_what_a_frozen_network_inside_another_one_holds():
    frozen = nn.Sequential().add(nn.Linear(3, 2)).add(nn.BatchNormalization(2)).add(nn.Tanh())
    net = nn.Sequential().add(nn.Linear(3, 3)).add(frozen)
    frozen.evaluate()
    x, g = torch.randn(4, 3), torch.randn(4, 2)
    net.forward(x)
    net.backward(x, g)
    wanted = frozen.get(1).forward(net.get(1).forward(x)).clone()
    net.forward(x)
    net.backward(x, g)
    assert_close(frozen.get(1).output, wanted)
    assert_close(frozen.get(2).output.clone().tanh(), net.output)
    assert_close(frozen.get(1).gradInput, frozen.gradInput)


PASSING_ON = {
    "Identity": (nn.Identity, 1),
    "Contiguous": (nn.Contiguous, 1),
    "Copy": (lambda: nn.Copy("torch.DoubleTensor", "torch.DoubleTensor"), 1),
    "SelectTable": (lambda: nn.SelectTable(1), 2),
    "NarrowTable": (lambda: nn.NarrowTable(1, 2), 2),
    "FlattenTable": (nn.FlattenTable, 2),
    "gModule": (lambda: nn.gModule([x := nn.Identity()()], [nn.Dropout(0.5)(x), x]), 1),
    "Sequential": (lambda: nn.Sequential().add(nn.Identity()).add(nn.Dropout(0.5)), 1),
}


@pytest.mark.parametrize("name", PASSING_ON)
def test_what_was_passed_on_one_by_one_is_not_written_into_by_a_network(name):
    make, count = PASSING_ON[name]
    module = make()
    net = nn.Sequential().add(nn.Identity()).add(module)

    def run(net, number):
        """Pass numbers through; the tensors that were given."""
        given = [torch.ones(2).mul(number) for _ in range(count)]
        output = net.forward(given if count > 1 else given[0])
        several = torch.type(output) == "table"
        back = [torch.ones(2).mul(number) for _ in range(len(output) if several else 1)]
        net.backward(given if count > 1 else given[0], back if several else back[0])
        return [*given, *back]

    mine = run(module, 3)
    for _ in range(2):
        net.evaluate()
        run(net, 5)
        for inside in module.listModules():
            assert None not in (inside.output, inside.gradInput)
    assert [x.tolist() for x in mine] == [[3, 3]] * len(mine)


@pytest.mark.parametrize("between", BETWEEN.values())
def test_a_network_inside_goes_back_from_the_outputs_that_it_has(between):
    """For an earlier input, and after an output was overwritten."""
    first, last = nn.Linear(4, 3), nn.Linear(3, 2)
    inner = between(first, last)
    net = nn.Sequential().add(inner).add(nn.MulConstant(2))
    xs, g = torch.randn(2, 5, 4), torch.randn(5, 2)
    net.zeroGradParameters()
    net.forward(xs[1])
    net.forward(xs[2])
    hidden = np.tanh(np.asarray(first.forward(xs[2])))
    net.forward(xs[2])
    net.backward(xs[1], g)
    assert_close(last.gradWeight, 2 * np.asarray(g).T @ hidden)
    by_hidden = 2 * np.asarray(g) @ np.asarray(last.weight) * (1 - hidden**2)
    assert_close(net.gradInput, by_hidden @ np.asarray(first.weight))
    net.zeroGradParameters()
    net.forward(xs[2])
    first.output.mul(3)
    net.backward(xs[2], g)
    assert_close(last.gradWeight, 2 * np.asarray(g).T @ hidden)


def test_a_module_that_was_taken_out_keeps_what_the_network_left_in_it():
    first, last = nn.Linear(3, 2), nn.Tanh()
    net = nn.Sequential().add(first).add(last)
    x, g = torch.randn(4, 3), torch.randn(4, 2)
    wanted = net.forward(x).clone()
    net.backward(x, g)
    by_last = np.asarray(g) * (1 - np.asarray(wanted) ** 2)
    net.modules[2] = nn.Sigmoid()
    x2 = torch.randn(6, 3)
    net.backward(x2, net.forward(x2))
    assert_close(last.gradInput, by_last)
    assert_close(last.output, wanted)


AFTER_BACKWARD = {
    "a forward": lambda net, x: net.forward(x) and net,
    "a forward around": lambda net, x: nn.Sequential().add(net).forward(x) and net,
    "a forward of a module": lambda net, x: net.get(2).forward(net.get(1).output) and net,
    "one of each module": lambda net, x: [m.forward(x) for m in net.modules] and net,
    "conversions": lambda net, x: net.float().double(),
    "a clone": lambda net, x: net.clone(),
    "a deep copy": lambda net, x: copy.deepcopy(net),
    "a pickle": lambda net, x: pickle.loads(pickle.dumps(net)),
}


@pytest.mark.parametrize("then", AFTER_BACKWARD.values(), ids=AFTER_BACKWARD)
def test_what_backward_left_inside_stays_until_the_next(then):
    net = nn.Sequential().add(nn.Linear(3, 3)).add(nn.Tanh()).add(nn.Linear(3, 3))
    x, g = torch.randn(4, 3), torch.randn(4, 3)
    y = np.tanh(np.asarray(x) @ np.asarray(net.get(1).weight).T + net.get(1).bias.tolist())
    by_tanh = np.asarray(g) @ np.asarray(net.get(3).weight)
    net.forward(x)
    net.backward(x, g)
    last = then(net, torch.randn(6, 3))
    np.testing.assert_allclose(np.asarray(last.get(3).gradInput), by_tanh, rtol=1e-6)
    by_first = by_tanh * (1 - y**2)
    np.testing.assert_allclose(np.asarray(last.get(2).gradInput), by_first, rtol=1e-6)
    x = torch.randn(5, 3)
    last.forward(x)
    last.backward(x, x)
    assert_close(last.get(3).gradInput, np.asarray(x) @ np.asarray(last.get(3).weight))


def test_what_backward_left_inside_stays_when_one_goes_back_by_itself():
    net = nn.Sequential().add(nn.Linear(3, 3)).add(nn.Tanh()).add(nn.Linear(3, 3))
    first, _, last = net.modules
    x, g = torch.randn(4, 3), torch.randn(4, 3)
    net.forward(x)
    net.backward(x, g)
    by_tanh = np.asarray(g) @ np.asarray(last.weight)
    last.zeroGradParameters()
    last.forward(x)
    last.accGradParameters(x, g)
    assert_close(last.gradInput, by_tanh)
    assert_close(last.gradWeight, np.asarray(g).T @ np.asarray(x))
    net.backward(x, net.forward(x))
    assert_close(first.backward(x, g), np.asarray(g) @ np.asarray(first.weight))
    assert_close(last.gradInput, np.asarray(net.output) @ np.asarray(last.weight))
    assert_close(first.gradInput, np.asarray(g) @ np.asarray(first.weight))


@pytest.mark.parametrize("between", BETWEEN.values())
def test_a_network_goes_back_from_what_a_module_has_computed_by_itself_since(between):
    first, last = nn.Linear(4, 3), nn.Linear(3, 2)
    net, xs, g = between(first, last), torch.randn(2, 5, 4), torch.randn(5, 2)
    for _ in range(2):
        net.zeroGradParameters()
        net.forward(xs[1])
        inner = np.tanh(np.asarray(first.output))
        last.forward(xs[2].narrow(2, 1, 3))
        first.forward(xs[2])
        net.backward(xs[1], g)
        by_first = np.asarray(g) @ np.asarray(last.weight) * (1 - inner**2)
        np.testing.assert_allclose(np.asarray(net.gradInput), by_first @ np.asarray(first.weight))
        np.testing.assert_allclose(np.asarray(last.gradWeight), np.asarray(g).T @ inner)
        np.testing.assert_allclose(np.asarray(first.gradWeight), by_first.T @ np.asarray(xs[1]))


def test_tables_have_what_a_module_has_computed_by_itself_since():
    """They hold the module's own tensors."""
    double, net = nn.MulConstant(2), nn.ConcatTable()
    net.add(double).add(nn.MulConstant(3))
    outer = nn.Sequential().add(net).add(nn.CMulTable())
    outer.forward(torch.Tensor([1, 2]))
    double.forward(torch.Tensor([5, 7]))
    assert net.output[1].tolist() == [10, 14]
    assert outer.backward(torch.Tensor([1, 2]), torch.ones(2)).tolist() == [2 * 3 + 3 * 10, 54]


CHANGES = {
    "a branch more": lambda net: net.get(1).add(nn.Identity()),
    "a layer more": lambda net: net.get(2).add(nn.Tanh()),
    "another layer": lambda net: net.get(1).modules.insert(1, nn.Linear(4, 7)),
    "a layer less": lambda net: net.get(2).remove(1),
    "a method": lambda net: setattr(net.get(2).get(1), "updateOutput", lambda x: x),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_ran_inside_a_network_is_found_after_changes_of_it(change):
    branches = nn.ConcatTable().add(nn.Linear(4, 4)).add(nn.Tanh())
    net = nn.Sequential().add(branches).add(nn.Sequential().add(nn.CMulTable()).add(nn.Sigmoid()))
    linear, product = branches.get(1), net.get(2).get(1)
    x, g = torch.randn(3, 4), torch.randn(3, 4)
    y = np.asarray(net.forward(x)).copy()
    net.backward(x, g)
    change(net)
    wanted = np.asarray(x) @ np.asarray(linear.weight).T + linear.bias.tolist()
    assert_close(linear.output, wanted)
    assert_close(product.output, wanted * np.tanh(np.asarray(x)))
    assert_close(product.gradInput[2], np.asarray(g) * y * (1 - y) * wanted)


def test_gradients_of_a_table_of_clones_stay_inside_while_it_runs_on():
    table = nn.MapTable(nn.Square())
    net = nn.Sequential().add(nn.ConcatTable().add(nn.Tanh()).add(nn.Linear(4, 4))).add(table)
    net.add(nn.CAddTable())
    x = torch.randn(2, 4)
    y = np.tanh(np.asarray(x))
    net.backward(x, net.forward(x).fill(1))
    table.clearState()
    net.backward(x, net.forward(x).fill(1))
    net.forward(torch.randn(3, 4))
    assert_close(table.gradInput[1], 2 * y)
    assert_close(table.get(1).gradInput, 2 * y)


def test_networks_that_share_their_beginning_share_its_gradient():
    """Its tensor stays one and the same, also where each module goes back by itself."""
    trunk = nn.ConcatTable().add(nn.Linear(3, 3)).add(nn.Tanh())
    net, other = (nn.Sequential().add(trunk).add(nn.CMulTable()) for _ in range(2))
    x, g = torch.randn(4, 3), torch.randn(4, 3)
    for factor in (1, 2, 1):
        net.forward(x)
        trunk.get(1).weight.mul(factor)
        assert other.gradInput is net.backward(x, g)


def test_compiled_functions_and_what_was_left_inside_before():
    net = nn.Sequential().add(nn.Linear(3, 3)).add(nn.Tanh())
    first, last = net.modules
    x, g = torch.randn(4, 3), torch.randn(4, 3)
    y = net.forward(x).clone()
    by_tanh = np.asarray(g) * (1 - np.asarray(y) ** 2)
    for look in (lambda: first.output * 1, lambda: last.gradInput * 1):
        net.forward(x)
        net.backward(x, g)
        with pytest.raises(LayerError, match="inside of the function too"):
            transforms.jit(look)()
    assert_close(transforms.jit(lambda: net.backward(x, g))(), by_tanh @ np.asarray(first.weight))
    net.forward(x)
    assert_close(transforms.jit(lambda: last.forward(x))(), np.tanh(np.asarray(x)))
    net.forward(x)
    assert_close(transforms.jit(lambda: last.backward(first.forward(x), g))(), by_tanh)
    net.forward(x)
    net.backward(x, g)
    assert_close(last.gradInput, by_tanh)


@pytest.mark.parametrize("between", BETWEEN.values())
def test_a_copy_goes_back_from_the_outputs_that_came_with_it(between):
    net, x, g = between(nn.Linear(4, 3), nn.Linear(3, 2)), torch.randn(5, 4), torch.randn(5, 2)
    net.forward(x)
    copies = [net.clone()]
    if not any(isinstance(module, Double) for module in net.modules):  # files can't have those here
        copies.append(torch.deserialize(torch.serialize(net)))
    for copied in copies:
        assert_close(copied.backward(x, g), net.backward(x, g))
        assert_close(copied.modules[1].output, net.modules[1].output)


@pytest.mark.parametrize("rows", [4, 7])
def test_what_backward_left_inside_is_not_that_of_a_gradient_written_later(rows):
    torch.manualSeed(1)
    net, criterion = nn.Sequential().add(nn.Linear(3, 5)).add(nn.Tanh()), nn.MSECriterion()
    wanted = net.clone()
    x, target = torch.randn(4, 3), torch.randn(4, 5)
    criterion.forward(net.forward(x), target)
    wanted.forward(x)
    gradient = criterion.backward(net.output, target)
    net.backward(x, gradient)
    wanted.backward(x, gradient.clone())
    other = torch.randn(rows, 2)
    criterion.backward(other, other * 2)
    assert net.get(2).gradInput.tolist() == wanted.get(2).gradInput.tolist()


def test_backward_takes_the_weights_of_each_time():
    torch.manualSeed(1)
    net = nn.Sequential().add(nn.Linear(3, 4)).add(nn.Tanh()).add(nn.Linear(4, 2))
    x, gradient = torch.randn(5, 3), torch.randn(5, 2)
    net.forward(x)
    y = np.asarray(net.get(2).output)
    for _ in range(4):
        below, above = (np.asarray(net.get(i).weight).copy() for i in (1, 3))
        inner = np.asarray(gradient) @ above * (1 - y * y)
        net.zeroGradParameters()
        assert_close(net.backward(x, gradient), inner @ below)
        assert_close(net.get(1).gradWeight, inner.T @ np.asarray(x))
        net.updateParameters(0.1)


@pytest.mark.parametrize("inside", [False, True])
def test_backward_takes_a_parameter_that_has_taken_the_place_of_another(inside):
    module = nn.PReLU()
    net = nn.Sequential().add(nn.Identity()).add(module) if inside else module
    x = torch.Tensor([[-1, 2], [3, -4]])
    net.forward(x)
    module.weight = torch.Tensor([0.5])
    assert net.backward(x, torch.ones(2, 2)).tolist() == [[0.5, 1], [1, 0.5]]


def test_a_gradient_of_another_shape_leaves_what_the_last_backward_computed():
    module, x = nn.Linear(3, 2), torch.randn(4, 3)
    module.forward(x)
    expected = module.backward(x, torch.ones(4, 2)).clone()
    with pytest.raises((LayerError, ValueError)):
        module.accGradParameters(x, torch.ones(4, 5))
    assert module.gradInput.equal(expected)
    assert module.backward(x, torch.ones(4, 2)).equal(expected)
