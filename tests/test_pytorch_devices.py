"""Devices: a second device of the host, standing for a GPU, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import fnn.pytorch as torch

PROGRAM = """
import jax
from fnn.pytorch import types
types.gpus = lambda: jax.devices("cpu")[1:]
import fnn.pytorch as torch
from fnn.pytorch import nn

t = torch.ones(2, requires_grad=True)
on = t.to("cuda:0")
print(on.device, on.is_cuda, on.type(), t.device, on.to("cuda") is on, torch.cuda.is_available())
print(on.detach() * 2)
(on * torch.tensor([3.0, 4.0], device="cuda:0")).sum().backward()
print(t.grad, t.grad.device, (on + 1).cpu().device, on.detach().cuda().storage is on.storage)
print(torch.cuda.FloatTensor(3), torch.randn(3, 3, device=torch.device("cuda:0")).device)
net = nn.Linear(2, 1)
net(torch.ones(1, 2)).sum().backward()
weight, gradient = net.weight, net.weight.grad.tolist()
print(net.cuda().weight is weight, weight.device, weight.grad.device)
print(weight.grad.tolist() == gradient)
print(torch.zeros_like(on).device, on.new_ones(2).device, torch.zeros(2).device)
"""
PRINTED = """
cuda:0 True torch.cuda.FloatTensor cpu True True
tensor([2., 2.], device='cuda:0')
tensor([3., 4.]) cpu cpu True
tensor([0., 0., 0.], device='cuda:0') cuda:0
True cuda:0 cuda:0
True
cuda:0 cuda:0 cpu
"""


def test_tensors_and_modules_move():
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parent.parent,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == PRINTED.strip()


@pytest.mark.skipif(any(d.platform == "gpu" for d in jax.devices()), reason="there is a GPU")
def test_without_a_gpu():
    assert not torch.cuda.is_available()
    assert torch.cuda.device_count() == 0
    for make in (
        lambda: torch.ones(2).cuda(),
        lambda: torch.ones(2).to("cuda:0"),
        lambda: torch.zeros(2, device="cuda"),
        lambda: torch.cuda.FloatTensor(2),
    ):
        with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
            make()
    device = torch.device("cuda:0") if torch.cuda.is_available() else torch.device("cpu")
    assert f"{device}" == "cpu"
    assert torch.ones(2).to(device).device == device


def test_switches_can_be_set():
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = not before
    assert torch.backends.cudnn.deterministic is not before
    torch.backends.cudnn.deterministic = before
