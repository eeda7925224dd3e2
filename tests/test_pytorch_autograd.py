"""Gradients, the tape's rules and errors, against a living PyTorch."""

import gc
import weakref

import jax
import numpy as np
import pytest

import fnn.pytorch as ours
import transforms

try:
    import torch as theirs
except ImportError:
    theirs = None

needs_torch = pytest.mark.skipif(theirs is None, reason="torch is not installed")
words = str.split
NUMBERS = np.random.RandomState(1)
DATA = {
    "x": NUMBERS.randn(3, 4),
    "y": NUMBERS.randn(3, 4),
    "v": NUMBERS.randn(4),
    "m": NUMBERS.randn(4, 2),
    "p": NUMBERS.rand(3, 4) + 0.1,
    "c": NUMBERS.randn(2, 3, 4),
    "z": np.array([[0.0, 1.0, -1.0, 0.0]]),
}
FIXED = "b = y > 0; k = torch.tensor([2, 0, 1, 1]); w = torch.arange(12.).double().view(3, 4)"

DIFFERENTIATED = [
    *(
        f"torch.{f}(p)"
        for f in words("exp log sqrt sin tan tanh sigmoid log1p expm1 erf rsqrt reciprocal square")
    ),
    *(f"torch.{f}(z)" for f in words("abs relu sign square tanh floor")),
    *(
        "x + y",
        "x - 2 * y",
        "x * v",
        "x / p",
        "2 / p",
        "-x",
        "x ** 2",
        "x ** 3",
        "p ** 2.5",
        "p ** y",
        "2 ** x",
        "x % 2",
    ),
    *(
        "x.pow(0)",
        "z ** 0",
        "torch.maximum(x, y)",
        "torch.fmod(x, 0.7)",
        "torch.atan2(x, y)",
        "torch.add(x, y, alpha=3)",
    ),
    *(
        "z.clamp(-1, 1)",
        "z.clamp(min=0)",
        "x.clamp(-0.5, 0.5)",
        "torch.lerp(x, y, 0.3)",
        "torch.addcdiv(x, y, p)",
        "torch.where(b, x, y)",
    ),
    *(
        "x.masked_fill(b, 0)",
        "c + x",
        "c * v",
        "x.sum()",
        "x.sum(0)",
        "x.mean(1, keepdim=True)",
        "x.prod()",
        "x.prod(1)",
        "x.std()",
        "x.var(0)",
    ),
    *(
        "x.max()",
        "x.max(1).values",
        "x.min(0)[0]",
        "z.max()",
        "z.max(1)[0]",
        "x.amax(1)",
        "z.amax(1)",
        "x.median()",
        "x.sort(1)[0]",
        "x.topk(2)[0]",
    ),
    *(
        "x.norm()",
        "x.norm(1)",
        "x.norm(3, 1)",
        "(z * 0).norm()",
        "x.logsumexp(1)",
        "x.softmax(1)",
        "x.log_softmax(0)",
        "x.cumsum(0)",
        "x.cumprod(1)",
    ),
    *(
        "x @ m",
        "x @ v",
        "v @ v",
        "c @ m",
        "c.bmm(c.transpose(1, 2))",
        "torch.addmm(v[:2], x, m)",
        "torch.einsum('ij,jk->ik', x, m)",
        "torch.outer(v, v)",
    ),
    *(
        "x.view(-1)",
        "x.t()",
        "x.t().reshape(-1)",
        "c.transpose(0, 2)",
        "c.permute(1, 2, 0)",
        "x.unsqueeze(1)",
        "x[None].squeeze(0)",
        "v.expand(3, 4)",
    ),
    *(
        "x.narrow(1, 1, 2)",
        "x.select(1, 2)",
        "x.split(2)[1]",
        "x.chunk(2, 1)[0]",
        "x.unbind(0)[1]",
        "v.unfold(0, 3, 1)",
        "x.diagonal(1)",
        "x.flatten()",
    ),
    *(
        "x[0]",
        "x[:, 1:3]",
        "x[::2, 0]",
        "x[..., None]",
        "x[k[:3] - 1]",
        "x[k[:2], k[2:]]",
        "x[b]",
        "x[k[:2], :]",
        "c[0, :, k]",
        "x[:, [1, 1]]",
    ),
    *(
        "x.gather(1, k[:3].view(3, 1))",
        "x.index_select(1, k)",
        "x.masked_select(b)",
        "x.index_add(0, k[:2], y[:2])",
        "x.scatter(1, k[:3].view(3, 1), y[:, :1])",
    ),
    *(
        "x.scatter_add(0, k.view(1, 4), y[:1])",
        "torch.cat((x, y))",
        "torch.stack((x, y), 1)",
        "v.repeat(2, 3)",
        "x.roll(1, 0)",
        "x.flip(1)",
        "x.tril()",
        "v.diag()",
    ),
    *(
        "v.repeat_interleave(2)",
        "x.clone()",
        "x.float()",
        "x.contiguous()",
        "x.t().contiguous()",
        "x.detach() * y",
        "x.data + y",
        "x.double()",
    ),
    *(
        "(x * 2).t()[1:].unsqueeze(0) @ x",
        "x[1:][0, :2]",
        "x.view(2, 6).t()[::3]",
        "c[:, 1].t().reshape(2, 4)",
    ),
]

IN_PLACE = [
    "h = x * 1; h.add_(y); out = h",
    "h = x * 1; h.mul_(2).sub_(y, alpha=0.5); out = h * h",
    "h = x.clone(); h.exp_(); out = h",
    "h = x.clone(); h.zero_(); out = h + x",
    "h = x.clone(); h.fill_(3.); out = h * x",
    "h = torch.zeros(3, 4).double(); h.copy_(x); out = h * 2",
    "h = torch.zeros(3, 4).double(); h[0] = v; h[1, 1:3] = v[:2]; out = h * w",
    "h = x * 1; h[1] = 0.; out = h * w",
    "h = x * 1; h[:, k[:2]] = v[:2]; out = h * w",
    "h = x * 1; h[b] = 0.; out = h * w",
    "h = x * 1; h[b] = y[b]; out = h * w",
    "h = x * 1; h[0, None, 1:] = v[1:]; out = h * w",
    "h = x * 1; h[k[:2], 1:3] = m[:2]; out = h * w",
    "h = x * 1; h[0] = h[0] * 2; out = h * w",
    "h = x * 1; h += y; h *= v; h /= 2; h -= x; out = h",
    "h = x * 1; h.clamp_(-0.5, 0.5); out = h * w",
    "h = x * 1; h.masked_fill_(b, 0.); out = h * w",
    "h = x * 1; h.index_add_(0, k[:2], y[:2]); out = h * w",
    "h = x * 1; h.unsqueeze_(0).squeeze_(0).t_(); out = h @ x",
    "h = torch.ones(3, 4).double()\nfor i in range(3): h = h * x\nout = h",
    "u = x * 1\nwith torch.no_grad(): u.mul_(0)\nout = u * y",
]


def run_in(torch, code):
    """Run code with tensors that require gradients; the result, and the leaves."""
    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in DATA.items()}
    names = {"torch": torch, **leaves}
    exec(FIXED, names)
    exec(code, names)
    return names["out"], leaves


def close(found, wanted):
    """Equal to rounding, in the precision of the type."""
    limit = 1e-6 if wanted.dtype is theirs.float32 else 1e-10
    np.testing.assert_allclose(
        found.detach().numpy(), wanted.detach().numpy(), rtol=limit, atol=limit
    )


@needs_torch
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("code", [*(f"out = {e}" for e in DIFFERENTIATED), *IN_PLACE])
def test_gradients_are_pytorch_s(code):
    results = []
    for torch in (ours, theirs):
        out, leaves = run_in(torch, code)
        weights = torch.tensor(np.random.RandomState(0).randn(*out.shape)).to(out.dtype)
        out.backward(weights)
        results.append((out, {name: leaf.grad for name, leaf in leaves.items()}))
    (found, grads), (wanted, right) = results
    close(found, wanted)
    assert found.shape == tuple(wanted.shape)
    for name, grad in right.items():
        assert (grads[name] is None) == (grad is None), name
        if grad is not None:
            close(grads[name], grad)


NAMED = [
    *(
        "x + y",
        "x + 1",
        "x - y",
        "x * y",
        "x / y",
        "-x",
        "x ** 2",
        "p ** y",
        "x.abs()",
        "x @ m",
        "x @ v",
        "v @ v",
        "x.add(y, alpha=2)",
    ),
    *(
        "c.bmm(c.transpose(1, 2))",
        "c @ m",
        "x.sum()",
        "x.sum(0)",
        "x.mean()",
        "x.mean(1)",
        "x.std()",
        "x.var()",
        "x.prod()",
        "x.max()",
        "x.max(0)[0]",
    ),
    *(
        "torch.maximum(x, y)",
        "x.norm()",
        "x.exp()",
        "p.log()",
        "p.sqrt()",
        "x.sin()",
        "x.tanh()",
        "x.sigmoid()",
        "x.relu()",
        "x.clamp(0, 1)",
        "x.t()",
    ),
    *(
        "c.transpose(0, 1)",
        "c.permute(2, 1, 0)",
        "x.view(-1)",
        "x.reshape(2, 6)",
        "x.flatten()",
        "x[None].squeeze()",
        "x.unsqueeze(0)",
        "x[:, None]",
    ),
    *(
        "v.expand(3, 4)",
        "v.repeat(2)",
        "x[0]",
        "x[:, 0]",
        "x[0, 1]",
        "x[..., 1:3]",
        "x[k[:2]]",
        "x[b]",
        "x.gather(1, k[:3].view(3, 1))",
        "torch.where(b, x, y)",
    ),
    *(
        "x.masked_fill(b, 0)",
        "torch.cat((x, y))",
        "torch.stack((x, y))",
        "x.clone()",
        "x.float()",
        "x.softmax(1)",
        "x.log_softmax(1)",
        "x.logsumexp(1)",
    ),
]


@needs_torch
@pytest.mark.parametrize("expression", NAMED)
def test_grad_fn_has_pytorch_s_name(expression):
    (found, _), (wanted, _) = (run_in(torch, f"out = {expression}") for torch in (ours, theirs))
    assert found.grad_fn.name() == wanted.grad_fn.name()


WRONG = [
    *(
        "x.add_(1)",
        "x.zero_()",
        "x[0].mul_(2)",
        "x.requires_grad_(False).add_(1).foo",
        "(x * 2).requires_grad_(False)",
        "torch.ones(3).backward()",
    ),
    *(
        "(x * 2).backward()",
        "x.numpy()",
        "x.sum().backward(torch.ones(2))",
        "torch.tensor([1], requires_grad=True)",
        "torch.tensor([1]).requires_grad_()",
    ),
    *(
        "torch.ones(2).add_(torch.ones(2, 2))",
        "torch.tensor([1, 2]).add_(1.5)",
        "torch.tensor([1]).exp_()",
        "torch.ones(1).expand(3).add_(1)",
        "y[:, 0].copy_(torch.ones(7))",
    ),
    *(
        "torch.arange(3)[5]",
        "torch.ones(2, 2)[0, 0, 0]",
        "torch.ones(2, 2)[0, 7]",
        "torch.tensor(1)[0]",
        "torch.ones(3)[::-1]",
        "torch.arange(3)[torch.tensor([5])]",
    ),
    *(
        "torch.ones(3)[torch.tensor([True, False])]",
        "torch.ones(3)[torch.tensor([1.])]",
        "torch.ones(3)[torch.tensor([0, 1]), torch.tensor([0])]",
    ),
    *(
        "torch.ones(3).__setitem__(slice(0, 2), torch.ones(3))",
        "torch.ones(3).__setitem__(torch.tensor([0, 1]), torch.ones(3))",
    ),
    *(
        "torch.ones(2, 3) @ torch.ones(2, 3)",
        "torch.ones(2, 3) @ torch.ones(2)",
        "torch.ones(3) @ torch.ones(4)",
        "torch.ones(2, 2, 3) @ torch.ones(2, 2, 3)",
    ),
    *(
        "torch.ones(2, 3) @ torch.ones(3, 2).double()",
        "torch.ones(3) @ torch.ones(4, 2)",
        "torch.ones(2, 3).dot(torch.ones(3))",
    ),
    *(
        "torch.ones(3, 2).view(4)",
        "torch.ones(3, 2).t().view(6)",
        "torch.ones(3, 2).sum(5)",
        "torch.ones(2).view(-1, -1)",
        "torch.ones(2, 2).reshape(3)",
    ),
    *(
        "torch.cat([torch.ones(2), torch.ones(2, 2)])",
        "torch.cat([torch.ones(3, 2), torch.ones(2, 3)])",
        "torch.stack([torch.ones(2), torch.ones(3)])",
    ),
    *(
        "torch.tensor([[1, 2], [3]])",
        "torch.tensor('a')",
        "torch.ones(2, 3) + torch.ones(2)",
        "torch.ones(3) + 'a'",
        "torch.tensor([1]) // 0",
    ),
    *(
        "torch.tensor([1]) % torch.tensor([0])",
        "torch.ones(2, 3).expand(2, 4)",
        "torch.ones(2, 3).expand(3)",
        "torch.ones(2, 3).gather(1, torch.tensor([[5]]))",
    ),
    *(
        "torch.ones(2, 3).index_select(0, torch.tensor([5]))",
        "bool(torch.ones(0))",
        "bool(torch.ones(2))",
        "torch.ones(2).item()",
        "len(torch.tensor(1))",
    ),
    *(
        "list(torch.tensor(1))",
        "range(3)[torch.tensor(1.)]",
        "torch.arange(3).mean()",
        "torch.ones(2, 2, 2).t()",
        "torch.ones(2) - True",
        "-torch.tensor([True])",
    ),
    *(
        "torch.tensor([True]) - torch.tensor([True])",
        "torch.tensor([2]) ** -1",
        "torch.ones(3, 2).squeeze(7)",
        "torch.ones(3).topk(5)",
        "torch.ones(3).unfold(0, 5, 1)",
    ),
    *(
        "torch.zeros(0).max()",
        "torch.ones(3).masked_fill(torch.ones(3), 0)",
        "torch.ones(3).narrow(0, 2, 3)",
        "torch.ones(3).select(0, 4)",
        "torch.ones(2) & torch.ones(2)",
    ),
    *(
        "torch.arange(3).softmax(0)",
        "torch.ones(3).permute(0, 1)",
        "torch.ones(2, 2).permute(0, 0)",
        "torch.ones(4).split(0)",
        "torch.ones(2, -3)",
        "torch.ones(3).std(1)",
    ),
    *(
        "torch.autograd.grad(x.sum(), torch.ones(2, requires_grad=True))",
        "setattr(torch.tensor([1]), 'requires_grad', True)",
        "torch.randn(2, device='cuda')",
    ),
    *(
        "torch.ones(2).cuda()",
        "torch.ones(2).to('cuda:0')",
        "torch.cuda.FloatTensor(2)",
        "float(torch.ones(2))",
        "torch.ones(2, 3).split([1, 2])",
        "x.tolist().foo",
    ),
    *(
        "torch.zeros(2).index_select(0, torch.tensor([0.]))",
        "torch.ones(2, 2).flatten(1, 0)",
        "torch.ones(2).repeat()",
        "torch.clamp(torch.ones(2))",
        "x.t_()",
    ),
]
OTHER_TEXT = {  # a different text, or a different type that says more
    "y[:, 0].copy_(torch.ones(7))": "expanded size",
    "torch.cuda.FloatTensor(2)": "CUDA",
    "float(torch.ones(2))": "cannot be converted",
    "torch.ones(2).repeat()": "repeat",
    "x.t_()": "leaf",
    "torch.ones(2).cuda()": "CUDA",
}


@needs_torch
@pytest.mark.skipif(any(d.platform == "gpu" for d in jax.devices()), reason="there is a GPU")
@pytest.mark.parametrize("expression", WRONG)
def test_errors_are_pytorch_s(expression):
    with pytest.raises(Exception) as wanted:  # noqa: PT011
        run_in(theirs, f"out = {expression}")
    kind = Exception if expression in OTHER_TEXT else wanted.type
    with pytest.raises(kind) as found:
        run_in(ours, f"out = {expression}")
    if expression in OTHER_TEXT:
        assert OTHER_TEXT[expression] in str(found.value)
    else:
        assert (
            str(found.value).split(". ")[0]
            == str(wanted.value).split(". ")[0].split("\nException")[0]
        )


def leaf(*values):
    """A vector that requires gradients."""
    return ours.tensor(values, requires_grad=True)


def test_gradients_accumulate_until_they_are_dropped():
    w = leaf(1.0, 2.0)
    for times in (1, 2):
        (w * w).sum().backward()
        assert w.grad.tolist() == [2.0 * times, 4.0 * times]
    w.grad = None
    (w * 3).sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]
    w.grad.zero_()
    assert w.grad.tolist() == [0.0, 0.0]


def test_a_gradient_of_another_type_is_cast_and_of_another_shape_refused():
    out = leaf(1.0, 2.0).view(2, 1) * 3
    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs"):
        out.backward()
    ten = ours.tensor(10).repeat(2).unsqueeze(0).t()
    with pytest.raises(RuntimeError, match=r"shape of torch.Size\(\[1, 2\]\)"):
        out.backward(ten.t())
    out.backward(gradient=ten)


def test_a_graph_is_used_once_unless_it_is_kept():
    w = leaf(2.0)
    y = (w * w).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert w.grad.tolist() == [8.0]
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


def test_a_graph_is_freed_with_its_result():
    w = leaf(1.0)
    y = (w * 2).exp()
    node = weakref.ref(y.grad_fn)
    del y
    gc.collect()
    assert node() is None


def test_nothing_is_recorded_without_grad():
    w = leaf(1.0)
    with ours.no_grad():
        assert not (w * 2).requires_grad
        w.sub_(0.5)
    assert w.tolist() == [0.5]
    assert w.is_leaf

    @ours.no_grad()
    def double(x):
        with ours.enable_grad():
            inner = x * 2
        return inner, x * 2

    inner, outer = double(w)
    assert (inner.requires_grad, outer.requires_grad) == (True, False)
    with ours.set_grad_enabled(False):
        assert not ours.is_grad_enabled()
    assert ours.is_grad_enabled()


@pytest.mark.parametrize("outside", [True, False])
def test_a_context_whose_end_was_interrupted_holds_no_longer_than_it_lives(outside):
    with ours.set_grad_enabled(outside):
        context = ours.enable_grad() if not outside else ours.no_grad()
        context.__enter__()
        assert ours.is_grad_enabled() is not outside
        del context
        assert ours.is_grad_enabled() is outside


def test_detached_tensors_share_elements_but_no_history():
    w = leaf(1.0, 2.0)
    for shared in (w.detach(), w.data):
        assert not shared.requires_grad
        shared[0] += 1
    assert w.tolist() == [3.0, 2.0]
    h = w * 2
    assert h.detach_() is h
    assert h.is_leaf
    assert not h.requires_grad
    w.data = ours.tensor([7.0])
    assert w.tolist() == [7.0]


def test_views_share_memory_both_ways():
    x = ours.arange(6.0).view(2, 3)
    for view in (x.t(), x.unsqueeze(0), x[:, 1:], x.view(3, 2), x.diagonal(), x.unfold(1, 2, 1)):
        before = view.tolist()
        x.add_(1)
        np.testing.assert_array_equal(view.numpy(), np.array(before) + 1)
    x.t()[0, 1] = 100.0
    assert x[1, 0].item() == 100
    x[:, 1][:] = ours.tensor([-1.0, -2.0])
    x[0].narrow(0, 2, 1).fill_(-3)
    assert x.tolist()[0][1:] == [-1.0, -3.0]
    assert x.reshape(-1).data_ptr() == x.data_ptr()
    assert x.t().reshape(-1).data_ptr() != x.data_ptr()


def test_a_recorded_change_through_a_view_is_refused():
    w, buffer = leaf(1.0, 2.0), ours.zeros(2, 2)
    with pytest.raises(NotImplementedError, match=r"x\[i\] = x\[i\] \+ y"):
        buffer[0] += w
    with pytest.raises(NotImplementedError, match="through a view"):
        (w * 2)[0].mul_(3)


def test_a_view_that_was_taken_before_a_recorded_change_is_refused():
    w, buffer = leaf(1.0, 2.0), ours.zeros(2, 2)
    view = buffer[1]
    buffer[1] = w
    assert view.tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="take the view again"):
        view.sum()
    buffer[1].sum().backward()
    assert w.grad.tolist() == [1.0, 1.0]


def test_saved_values_are_those_of_the_time_of_recording():
    w = leaf(3.0)
    h = w * 1
    y = h * h
    with ours.no_grad():
        h.zero_()
    y.sum().backward()
    assert w.grad.tolist() == [6.0]


def test_grad_adds_to_no_grad():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = w * v
    y = (h * h).sum()
    found = ours.autograd.grad(y, [w, h], retain_graph=True)
    assert [g.tolist() for g in found] == [[18.0, 64.0], [6.0, 16.0]]
    assert w.grad is v.grad is None
    assert ours.autograd.grad(y, leaf(1.0), retain_graph=True, allow_unused=True) == (None,)
    (found,) = ours.autograd.grad(h, v, ours.tensor([1.0, 10.0]))
    assert found.tolist() == [1.0, 20.0]
    with pytest.raises(NotImplementedError, match=r"transforms\.grad"):
        ours.autograd.grad(y, w, create_graph=True)


def test_inputs_of_backward_limit_where_gradients_go():
    w, v = leaf(1.0), leaf(2.0)
    (w * v).sum().backward(inputs=[v])
    assert w.grad is None
    assert v.grad.tolist() == [1.0]


def test_hooks_see_complete_gradients_and_may_replace_them():
    w, seen = leaf(1.0, 2.0), []
    h = w * 2
    h.retain_grad()
    h.register_hook(lambda g: seen.append(g.tolist()))
    h.register_hook(lambda g: g * 10)
    w.register_hook(lambda g: g.clamp(max=50))
    (h * 1 + h * 3).sum().backward()
    assert seen == [[4.0, 4.0]]
    assert h.grad.tolist() == [4.0, 4.0]
    assert w.grad.tolist() == [50.0, 50.0]


def test_copies_of_leaves_are_leaves():
    import copy

    w = leaf(1.0, 2.0)
    (w * 2).sum().backward()
    other = copy.deepcopy([w, w.detach()])
    assert other[0].requires_grad
    assert other[0].grad.tolist() == [2.0, 2.0]
    with ours.no_grad():
        other[0].zero_()
    assert w.tolist() == [1.0, 2.0]
    assert other[1].tolist() == [0.0, 0.0]
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(w * 2)


def test_whole_steps_compile():
    w, x = leaf(1.0, 2.0), ours.tensor([3.0, 4.0])

    def step(x):
        w.grad = None
        h = (w * x).view(2, 1)
        out = ours.zeros(2, 2)
        out[:, 0] = h.t()[0]
        out[:, 1] = 1
        loss = out.pow(2).sum() + w.max(0).values + out[ours.tensor([0, 1]), 0].mean()
        loss.backward()
        with ours.no_grad():
            w.sub_(w.grad, alpha=0.01)
        return loss

    first = [step(x).item() for _ in range(3)]
    eager = w.tolist()
    w.data = ours.tensor([1.0, 2.0])
    compiled = transforms.jit(step)
    assert [compiled(x).item() for _ in range(3)] == pytest.approx(first, rel=1e-6)
    assert w.tolist() == pytest.approx(eager, rel=1e-6)


def test_shapes_that_depend_on_values_are_refused_in_compiled_code():
    @transforms.jit
    def chosen(x):
        return x[x > 0]

    with pytest.raises(RuntimeError, match=r"torch\.where"):
        chosen(ours.tensor([1.0, -1.0]))

    @transforms.jit
    def masked(x):
        x = x.clone()
        x[x < 0] = 0.0
        return x

    assert masked(ours.tensor([1.0, -1.0])).tolist() == [1.0, 0.0]


def test_compiled_programs_draw_anew_and_follow_the_seed():
    draw = transforms.jit(lambda x: x + ours.rand(3) + ours.randn(3).uniform_(2, 3))
    drawn = []
    for seed in (5, 5, 6):
        ours.manual_seed(seed)
        drawn.append([draw(ours.zeros(3)).tolist() for _ in range(2)])
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0] != drawn[0][1]
    assert all(2 <= value < 4 for value in drawn[0][0])


def test_numbers_that_a_program_computes_act_as_numbers():
    def scaled(x):
        return x * (x.sum().item() + 1) + torch_full(x.max().item())

    def torch_full(value):
        return ours.full((2,), value) / 2

    x = ours.tensor([1.0, 2.0])
    assert transforms.jit(scaled)(x).tolist() == scaled(x).tolist() == [5.0, 9.0]
    assert transforms.jit(lambda i: i * i.sum().item())(ours.tensor([1, 2])).tolist() == [3, 6]
