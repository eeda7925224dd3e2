"""One set of parameters seen through three doors, without a copy; and the demo."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
import fnn.pytorch as torch
import fnn.torch7 as torch7
from fnn.demo import doors
from fnn.demo.__main__ import main
from fnn.pytorch import nn
from fnn.torch7 import nn as nn7

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
NET = fnn.serial(fnn.layer(fnn.linear, 3, 5), fnn.tanh, fnn.layer(fnn.linear, 5, 2))


def pytorch_net():
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))


def torch7_net():
    return nn7.Sequential().add(nn7.Linear(3, 5)).add(nn7.Tanh()).add(nn7.Linear(5, 2))


@pytest.mark.parametrize("make", [pytorch_net, torch7_net])
def test_parameters_go_in_and_out_without_a_copy(make):
    params = NET.init(jax.random.key(0))
    net = make().load(params)
    apply, out, state = net.pure()
    assert state == {}
    for ours, theirs in zip(jax.tree.leaves(out), jax.tree.leaves(params), strict=True):
        assert ours is theirs
    np.testing.assert_allclose(apply(out, X), NET(params, X), rtol=1e-6)


def test_three_doors_one_answer():
    params = NET.init(jax.random.key(0))
    pure = NET(params, jnp.asarray(X))
    seen = pytorch_net().load(params)(torch.from_numpy(X))
    told = torch7_net().load(params).forward(torch7.fromarray(X))
    np.testing.assert_allclose(seen.detach().numpy(), pure, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(told), pure, rtol=1e-6)
    gradient = jax.grad(lambda p: NET(p, X).sum())(params)
    net = pytorch_net().load(params)
    net(torch.from_numpy(X)).sum().backward()
    by_hand = torch7_net().load(params)
    by_hand.zeroGradParameters()
    by_hand.forward(torch7.fromarray(X))
    by_hand.backward(torch7.fromarray(X), torch7.fromarray(np.ones((4, 2), np.float32)))
    for path in ("0.weight", "0.bias", "2.weight", "2.bias"):
        child, name = path.split(".")
        wanted = gradient[child][name]
        np.testing.assert_allclose(net.get_parameter(path).grad.numpy(), wanted, rtol=1e-5)
        found = getattr(by_hand.get(int(child) + 1), f"grad{name.capitalize()}")
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-5)


def test_a_module_of_any_pure_network():
    params = NET.init(jax.random.key(0))
    net = nn.Pure(NET, params)
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    loss = net(torch.from_numpy(X)).sum()
    loss.backward()
    assert all(p.grad is not None for p in net.parameters())
    told = nn7.Pure(NET, params)
    flat, _ = told.getParameters()
    assert len(flat.array) == sum(a.size for a in jax.tree.leaves(params))
    np.testing.assert_allclose(
        np.asarray(told.forward(torch7.fromarray(X))), NET(params, X), rtol=1e-6
    )
    noisy = fnn.serial(fnn.layer(fnn.batch_norm, 3), fnn.layer(fnn.dropout, p=0.5))
    wrapped = nn.Pure(noisy, noisy.init(jax.random.key(0)), noisy.initial_state())
    before = wrapped.pure()[2]["0"]["running_mean"]
    wrapped(torch.from_numpy(X + 1))
    assert (wrapped.pure()[2]["0"]["running_mean"] != before).any()


def test_a_module_with_a_forward_of_its_own_is_not_pure():
    class Own(nn.Module):
        def forward(self, x):
            return x * 2

    assert nn.Sequential(nn.Linear(3, 3), Own()).layer is None
    with pytest.raises(fnn.LayerError, match="methods of its own"):
        nn.Sequential(nn.Linear(3, 3), Own()).pure()


def test_another_networks_parameters_are_refused():
    other = fnn.serial(fnn.layer(fnn.linear, 3, 4), fnn.tanh, fnn.layer(fnn.linear, 4, 2))
    with pytest.raises(fnn.LayerError, match="those of another network"):
        pytorch_net().load(other.init(jax.random.key(0)))


def test_errors_name_path_module_given_wanted_and_cause():
    wrong = np.ones((4, 7), np.float32)
    for call, line in (
        (lambda: pytorch_net()(torch.from_numpy(wrong)), "in 0: Linear(in_features=3"),
        (
            lambda: torch7_net().forward(torch7.fromarray(wrong.astype(np.float64))),
            "In 1 module of nn.Sequential: nn.Linear(3 -> 5)",
        ),
    ):
        with pytest.raises(fnn.LayerError) as caught:
            call()
        text = "\n".join([str(caught.value), *caught.value.__notes__])
        for part in ("4,7]", "(..., 3)", "likely cause", "at layer 0", line):
            assert part in text


@pytest.mark.parametrize("label", [0, 3])
def test_labels_out_of_range_are_refused(label):
    scores = np.log(np.full((1, 2), 0.5))
    with pytest.raises(fnn.LabelError, match=rf"given {label}, wanted 1\.\.2"):
        nn7.ClassNLLCriterion().forward(torch7.fromarray(scores), label)
    with pytest.raises(fnn.LabelError, match=r"wanted 0\.\.1"):
        nn.CrossEntropyLoss()(torch.from_numpy(scores), torch.tensor([label + 2]))


def test_modules_of_torch7_are_converted_with_all_that_they_hold():
    net = torch7_net()
    assert net.type() == "torch.DoubleTensor"
    params, grads = net.getParameters()
    net.float()
    assert {t.type() for t in (net.get(1).weight, net.output)} == {"torch.FloatTensor"}
    assert {t.type() for t in (params, grads)} == {"torch.DoubleTensor"}  # as in the original
    assert net.get(1).weight.storage is net.get(1).bias.storage
    assert net.forward(torch7.fromarray(X)).type() == "torch.FloatTensor"
    with pytest.raises(fnn.LayerError, match=r"use double\(\) or float\(\)"):
        net.forward(torch7.fromarray(X.astype(np.float64)))
    assert net.double().forward(torch7.fromarray(X.astype(np.float64))).type() == net.type()


@pytest.mark.parametrize("tensor", [torch.from_numpy(X), torch7.fromarray(X)])
def test_bridges_to_numpy_and_dlpack(tensor):
    np.testing.assert_array_equal(np.asarray(tensor), X)
    np.testing.assert_array_equal(np.from_dlpack(tensor), X)
    np.testing.assert_array_equal(jnp.from_dlpack(tensor), X)
    assert tensor.array.shape == X.shape


def test_demo_in_short(tmp_path, capsys):
    runs = main(["--epochs", "2", "--batch-size", "64", "--output", str(tmp_path)])
    assert {*runs} == {*doors.DOORS}
    curves = np.stack([run.losses[:46] for run in runs.values()])
    np.testing.assert_allclose(curves, curves[:1].repeat(3, 0), rtol=1e-5)
    assert "test accuracy" in capsys.readouterr().out
    written = {p.name for p in tmp_path.iterdir()}
    assert written == {"losses.png", "predictions.png", *(f"{door}.npz" for door in doors.DOORS)}
    with np.load(tmp_path / "torch7.npz") as arrays:
        assert arrays["0.weight"].shape == (6, 1, 5, 5)
        assert json.dumps(sorted(arrays)).count("weight") == 5


def test_help_of_the_demo():
    found = subprocess.run(
        [sys.executable, "-m", "fnn.demo", "--help"], capture_output=True, text=True, check=True
    )
    for option in ("--door", "--epochs", "--batch-size", "--seed", "--device"):
        assert option in found.stdout
