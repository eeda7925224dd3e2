"""How tensors print: against text that PyTorch printed, and against a living PyTorch."""

import numpy as np
import pytest

import fnn.pytorch as torch
import transforms

try:
    import torch as theirs
except ImportError:
    theirs = None

PRINTED = {
    "torch.tensor([1, 2, 3])": "tensor([1, 2, 3])",
    "torch.tensor([1., 2., 3.])": "tensor([1., 2., 3.])",
    "torch.FloatTensor(2, 3).zero_()": "tensor([[0., 0., 0.],\n        [0., 0., 0.]])",
    "torch.FloatTensor([[1, 2, 3], [4, 5, 6]])": "tensor([[1., 2., 3.],\n        [4., 5., 6.]])",
    "torch.tensor(np.array([1., 2., 3.]))": "tensor([1., 2., 3.], dtype=torch.float64)",
    "torch.tensor(42)": "tensor(42)",
    "torch.stack([torch.arange(0, 3)] * 2)": "tensor([[0, 1, 2],\n        [0, 1, 2]])",
    "torch.relu(torch.FloatTensor([[-5, -1, 0, 5]]))": "tensor([[0., 0., 0., 5.]])",
    "torch.tensor([[-0.5364]], requires_grad=True)": "tensor([[-0.5364]], requires_grad=True)",
    "torch.tensor([0.5327], requires_grad=True).sum()": "tensor(0.5327, grad_fn=<SumBackward0>)",
    "torch.tensor([-1.38, -0.98, 1.92]).byte()": "tensor([255,   0,   1], dtype=torch.uint8)",
    "torch.zeros(0, 3)": "tensor([], size=(0, 3))",
    "torch.tensor([1, 2]).size()": "torch.Size([2])",
    "torch.tensor([[1., 5.]]).max(1)": (
        "torch.return_types.max(\nvalues=tensor([5.]),\nindices=tensor([1]))"
    ),
}

EXPRESSIONS = [
    *(
        "x",
        "x.double()",
        "x.half()",
        "x.bfloat16()",
        "x.int()",
        "x.byte()",
        "x > 0",
        "x * 1e-6",
        "x * 1e10",
        "x * 1e5",
        "x.long() * 100000",
    ),
    *(
        "x[0]",
        "x[0, 0]",
        "x.view(2, 3, 2, 1)",
        "x.t()",
        "x[:0]",
        "x[:0].long()",
        "torch.zeros(0)",
        "torch.zeros(0, dtype=torch.float64)",
    ),
    *(
        "torch.arange(100)",
        "torch.arange(100.)",
        "torch.arange(2000)",
        "torch.arange(2000.).view(50, 40)",
        "torch.arange(10000.).view(10, 10, 100)",
    ),
    *(
        "torch.zeros(8, 200)",
        "torch.ones(7, 7, 30)",
        "torch.zeros(3, 1)",
        "torch.zeros(2, 2, 2)",
        "torch.eye(3)",
        "torch.arange(-5, 5)",
    ),
    *(
        "torch.tensor([1.5, float('nan'), float('inf')])",
        "torch.tensor([1., float('inf'), -float('inf')])",
        "torch.tensor([float('nan')])",
    ),
    *(
        "torch.tensor([0.1, 100.])",
        "torch.tensor([0.01, 100.])",
        "torch.tensor([1e-5, 1.])",
        "torch.tensor([1e8, 1.5])",
        "torch.tensor([1e9])",
        "torch.tensor([0., 0.])",
    ),
    *(
        "torch.tensor([1e-4, 2.])",
        "torch.tensor([99999999., 1.])",
        "torch.tensor([1234567.])",
        "torch.tensor(-0.0)",
        "torch.tensor(3.14159265)",
    ),
    *(
        "x.requires_grad_()",
        "x.requires_grad_() * 2",
        "(x.requires_grad_() * 2)[0]",
        "torch.ones(3, 4, requires_grad=True).double()",
        "x.double().requires_grad_()",
    ),
    *(
        "torch.ones(20, dtype=torch.float64)",
        "torch.ones(19, dtype=torch.float64)",
        "torch.ones(17, dtype=torch.int32)",
        "torch.tensor([True, False])",
        "torch.tensor(True)",
    ),
    *(
        "x.max(0)",
        "x.sort()",
        "x.topk(2)",
        "x.min(1)",
        "[x[0], x[1]]",
        "x.shape",
        "torch.Size([])",
        "torch.float32",
        "torch.device('cuda:0')",
        "torch.tensor([[]])",
    ),
    *(
        "torch.ones(1, 1, 1, 1)",
        "x.view(1, 12)",
        "torch.tensor([12345678.5])",
        "torch.full((2, 3), 1000.)",
        "torch.full((30,), 0.125)",
    ),
]
OPTIONS = [
    {"precision": 2},
    {"threshold": 5},
    {"linewidth": 40},
    {"sci_mode": True},
    {"sci_mode": False},
    {"edgeitems": 1, "threshold": 5},
    {"profile": "short"},
    {"profile": "full"},
    {"precision": 8, "profile": "default"},
]
X = np.random.RandomState(3).randn(3, 4).astype(np.float32)


def value(expression, torch):
    return eval(expression, {"torch": torch, "np": np, "x": torch.tensor(X)})


@pytest.mark.parametrize("expression", PRINTED)
def test_text_that_pytorch_printed(expression):
    assert repr(value(expression, torch)) == PRINTED[expression]


@pytest.mark.skipif(theirs is None, reason="torch is not installed")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_text_is_pytorch_s(expression):
    assert repr(value(expression, torch)) == repr(value(expression, theirs))
    assert f"{value(expression, torch)}" == f"{value(expression, theirs)}"


@pytest.mark.skipif(theirs is None, reason="torch is not installed")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_are_pytorch_s(options):
    try:
        for library in (torch, theirs):
            library.set_printoptions(**options)
        for expression in EXPRESSIONS:
            assert repr(value(expression, torch)) == repr(value(expression, theirs))
    finally:
        for library in (torch, theirs):
            library.set_printoptions(profile="default")


def test_parameters_and_formats():
    parameter = torch.nn.Parameter(torch.ones(2))
    assert repr(parameter) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert (
        f"{torch.tensor(0.25):.3f} {torch.tensor(42)} {torch.tensor([1.5])}"
        == "0.250 42 tensor([1.5000])"
    )
    assert str(torch.ones(3, device="cpu").device) == "cpu"


def test_values_inside_a_compiled_program_are_not_known():
    seen = []
    transforms.jit(lambda x: seen.append(repr(x * 2)) or x * 2)(torch.ones(2, 3))
    assert seen == ["tensor(<float32[2, 3], computed when the compiled program runs>)"]
