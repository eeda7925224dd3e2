"""Tensors against a living PyTorch: the same expression in both, same values, types and shapes."""

import numpy as np
import pytest

import fnn.pytorch as ours

theirs = pytest.importorskip("torch")

words = str.split
NUMBERS = np.random.RandomState(0)
DATA = {
    "x": NUMBERS.randn(3, 4).astype(np.float32),
    "y": NUMBERS.randn(3, 4).astype(np.float32),
    "v": NUMBERS.randn(4).astype(np.float32),
    "m": NUMBERS.randn(4, 2).astype(np.float32),
    "p": NUMBERS.rand(3, 4).astype(np.float32),
    "c": NUMBERS.randn(2, 3, 4).astype(np.float32),
    "d": NUMBERS.randn(3, 4),
    "n": np.float32(0.5),
    "i": NUMBERS.randint(-5, 6, (3, 4)),
    "j": NUMBERS.randint(1, 6, (3, 4)),
    "k": np.array([2, 0, 1, 1]),
    "b": NUMBERS.rand(3, 4) > 0.5,
    "u": NUMBERS.randint(0, 256, (3, 4)).astype(np.uint8),
    "t": NUMBERS.randint(0, 3, (3, 4)).astype(np.float32),
}

FLOATING = words(
    "acos asin atan cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 lgamma log log10 log1p "
    "log2 logit rad2deg reciprocal rsqrt sigmoid sin sinc sinh sqrt tan tanh"
)
ANY = words("abs neg sign square ceil floor round trunc isnan isinf isfinite logical_not")
BINARY = words("+ - * / // % < <= > >= == !=")

ROWS = {
    "elementwise": [
        *(f"torch.{name}(p)" for name in [*FLOATING, *ANY, "frac", "acosh", "asinh", "atanh"]),
        *(f"torch.{name}(j)" for name in [*FLOATING, *ANY]),
        *(f"p.{name}()" for name in ("sigmoid", "absolute", "negative", "relu")),
        *(f"x {op} y" for op in BINARY),
        *(f"x {op} 2" for op in BINARY),
        *(f"3.5 {op} x" for op in BINARY),
        *(f"i {op} j" for op in BINARY),
        *(f"i {op} 2" for op in BINARY),
        *(f"7 {op} j" for op in BINARY),
        *(f"i {op} 2.5" for op in BINARY),
        *(f"x {op} v" for op in BINARY),
        *(f"c {op} x" for op in BINARY),
        *("i & j", "i | j", "i ^ j", "~i", "b & ~b", "b | b", "b ^ b", "j << 2", "j >> 1"),
        *(
            "x ** 2",
            "x ** 3",
            "p ** 0.5",
            "p ** -1",
            "p ** y",
            "2 ** x",
            "i ** 2",
            "j ** j",
            "2 ** j",
        ),
        *("p ** -0.5", "i ** 2.0", "x.pow(2)", "torch.pow(x, 2)", "x ** 4", "x ** 0"),
        *("-x", "+x", "abs(i)", "-u", "~b", "u + u", "u * 3", "u - 1", "u + 300"),
        *("torch.maximum(x, y)", "torch.minimum(x, v)", "torch.fmax(x, y)", "torch.fmod(x, y)"),
        *("torch.fmod(i, j)", "torch.fmod(i, -3)", "torch.remainder(x, -y)", "torch.atan2(x, y)"),
        *("torch.hypot(x, y)", "torch.logaddexp(x, y)", "torch.copysign(x, y)", "torch.gcd(i, j)"),
        *(
            "torch.add(x, y, alpha=2)",
            "torch.sub(x, y, alpha=0.5)",
            "i.add(j, alpha=3)",
            "x.mul(2)",
        ),
        *("torch.div(x, y, rounding_mode='floor')", "torch.div(i, j, rounding_mode='trunc')"),
        *(
            "x.div(y, rounding_mode='trunc')",
            "torch.true_divide(i, j)",
            "torch.round(x, decimals=2)",
        ),
        *("torch.logical_and(x, b)", "torch.logical_or(i, b)", "torch.logical_xor(b, i)"),
        *(
            "x.clamp(-0.5, 0.5)",
            "x.clamp(min=0)",
            "x.clamp(max=v)",
            "torch.clamp(i, -1, 2)",
            "x.clip(0)",
        ),
        *(
            "torch.lerp(x, y, 0.3)",
            "torch.addcmul(x, y, x, value=0.1)",
            "torch.addcdiv(x, y, p, value=2)",
        ),
        *(
            "torch.where(b, x, y)",
            "torch.where(x > 0, x, 0.0)",
            "torch.where(b, i, x)",
            "x.where(b, y)",
        ),
        *("x.masked_fill(b, 7)", "i.masked_fill(b, -1)", "torch.nan_to_num(torch.log(x))"),
        *("torch.isclose(x, x + 1e-9)", "torch.allclose(x, x)", "torch.equal(x, y)", "x.equal(x)"),
        *("torch.sign(x.log())", "torch.xlogy(p, p)"),
    ],
    "promotion": [
        *(
            "x + d",
            "x + i",
            "i + 1.5",
            "b + 1",
            "b + 1.5",
            "b + b",
            "u + i",
            "u + b",
            "x + n",
            "d + n",
        ),
        *(
            "n + i",
            "i * n",
            "n * 2",
            "torch.tensor(2) + x",
            "torch.tensor(2.5) + i",
            "u + torch.tensor(300)",
        ),
        *(
            "torch.tensor(2.5).double() * x",
            "torch.tensor(True) + 1",
            "torch.tensor(1) / 2",
            "b * x",
        ),
        *(
            "i.int() + i.short()",
            "u + i.char()",
            "x.half() + i",
            "x.half() + x",
            "x.bfloat16() + 1",
        ),
        *(
            "torch.result_type(i, 1.5)",
            "torch.result_type(x, d)",
            "torch.promote_types(torch.uint8, torch.int8)",
        ),
        *("torch.result_type(torch.tensor(1), 1.0)", "torch.can_cast(torch.float32, torch.int64)"),
        *(
            "b.sum()",
            "u.sum()",
            "i.int().sum()",
            "i.sum(0)",
            "b.mean(dtype=torch.float32)",
            "u.prod(0)",
        ),
        *(
            "u.cumsum(0)",
            "x.sum(dtype=torch.float64)",
            "i / 2",
            "i // 2",
            "i.true_divide(2)",
            "torch.sqrt(i.abs())",
        ),
        *(
            "x.double() @ d.t()",
            "(x > 0).float()",
            "x.byte()",
            "(x * 100).char()",
            "x.long()",
            "x.int()",
        ),
        *(
            "torch.tensor([-1.38, -0.98, 1.92, 300.0]).byte()",
            "i.bool()",
            "x.half()",
            "x.bfloat16()",
            "i.double()",
        ),
        *(
            "x.to(torch.float64)",
            "x.to(d)",
            "x.type(torch.DoubleTensor)",
            "x.type('torch.LongTensor')",
            "x.type_as(i)",
        ),
        *(
            "x.type()",
            "i.type()",
            "b.type()",
            "u.type()",
            "x.dtype",
            "torch.float",
            "torch.long",
            "x.dtype.itemsize",
        ),
        *("np.float64(2) * x", "x * np.float64(2)", "np.int64(2) * x", "x + True", "i + True"),
        *("torch.finfo(torch.float32).eps.__float__()", "torch.iinfo(torch.int8).max"),
    ],
    "reduction": [
        *(
            f"{t}.{f}()"
            for t in "xc"
            for f in words("sum mean prod std var max min argmax argmin median norm all any")
        ),
        *(
            f"c.{f}({dim})"
            for f in words("sum mean prod std var max min argmax argmin amax amin")
            for dim in (0, -1)
        ),
        *(f"c.{f}(1, keepdim=True)" for f in words("sum mean std max min argmax amax all any")),
        *(
            "c.sum((0, 2))",
            "c.mean((0, 1), keepdim=True)",
            "c.std((1, 2))",
            "c.amax((0, 1))",
            "c.sum(dim=(0,))",
        ),
        *(
            "c.var(unbiased=False)",
            "c.std(0, False)",
            "c.var(1, correction=0)",
            "torch.std_mean(x)",
            "torch.var_mean(x, 0)",
        ),
        *(
            "c.logsumexp(1)",
            "torch.logsumexp(c, (0, 1))",
            "x.norm(1)",
            "x.norm(3, 0)",
            "x.norm(dim=1)",
            "x.norm(float('inf'))",
        ),
        *(
            "x.norm(0)",
            "x.norm(2, 1, True)",
            "i.sum()",
            "i.max()",
            "i.max(1)",
            "t.max(1)",
            "t.min(0)",
            "t.argmax(1)",
        ),
        *(
            "x.sort()",
            "x.sort(0, descending=True)",
            "i.sort(dim=1, stable=True)",
            "x.argsort()",
            "x.topk(2)",
            "x.topk(2, 0, largest=False)",
        ),
        *(
            "x.kthvalue(2)",
            "x.median(1)",
            "x.median(0, keepdim=True)",
            "i.median()",
            "x.cumsum(0)",
            "x.cumprod(-1)",
            "i.cumsum(1)",
        ),
        *(
            "x.softmax(1)",
            "x.log_softmax(0)",
            "torch.softmax(x, dim=-1)",
            "i.softmax(0, dtype=torch.float32)",
        ),
        *(
            "torch.max(x, y)",
            "torch.min(x, 1)",
            "b.all(0)",
            "b.any(1)",
            "i.all()",
            "b.sum(1)",
            "torch.count_nonzero(i)",
            "n.sum()",
        ),
        *(
            "n.max(0)",
            "torch.sum(x)",
            "torch.mean(x, 1)",
            "torch.max(x, dim=1)",
            "torch.argmax(x)",
            "x.max(1).values",
            "x.max(1)[1]",
        ),
        *(
            "torch.zeros(0).sum()",
            "torch.zeros(0, 3).sum(0)",
            "torch.zeros(0, 3).prod(1)",
            "torch.zeros(2, 0).mean()",
            "x.sum(())",
        ),
        *(
            "n.median()",
            "torch.unique(i)",
            "torch.unique(k, return_inverse=True, return_counts=True)",
        ),
        *("torch.bincount(k)", "torch.bincount(k, minlength=6)", "torch.bincount(k, v.abs())"),
    ],
    "product": [
        *(
            "x @ m",
            "x @ v",
            "v @ m",
            "v @ v",
            "c @ m",
            "c @ v",
            "c @ m.expand(2, 4, 2)",
            "v @ c.transpose(1, 2)",
            "x @ c.transpose(1, 2)",
        ),
        *(
            "x.mm(m)",
            "x.mv(v)",
            "v.dot(v)",
            "c.bmm(c.transpose(1, 2))",
            "torch.matmul(x, m)",
            "torch.outer(v, v)",
            "x.t() @ x",
        ),
        *(
            "torch.addmm(torch.ones(2), x, m)",
            "torch.addmm(torch.ones(2), x, m, beta=2, alpha=0.5)",
            "torch.einsum('ij,jk->ik', x, m)",
        ),
        *(
            "torch.einsum('bij,kj->bik', c, x)",
            "torch.tensordot(x, m, 1)",
            "torch.inner(x, v)",
            "m.t().mm(x.t())",
            "i @ k",
            "i @ i.t()",
        ),
        *(
            "(x @ x.t()).trace()",
            "torch.baddbmm(torch.ones(2, 3, 3), c, c.mT)",
            "torch.addmv(torch.ones(3), x, v)",
        ),
    ],
    "view": [
        *(
            "x.view(-1)",
            "x.view(2, 6)",
            "x.view(4, -1)",
            "x.view((12,))",
            "c.view(6, 4)",
            "x.reshape(2, -1)",
            "x.t().reshape(-1)",
            "x.t()",
        ),
        *(
            "c.transpose(0, 2)",
            "c.permute(2, 0, 1)",
            "c.permute((1, 0, 2))",
            "c.T.shape",
            "x.T",
            "c.mT",
            "c.movedim(0, 2)",
            "c.swapaxes(0, 1)",
        ),
        *(
            "c.flatten()",
            "c.flatten(1)",
            "c.flatten(0, 1)",
            "x.unflatten(1, (2, 2))",
            "x.unsqueeze(0)",
            "x.unsqueeze(-1)",
            "x[None].squeeze()",
        ),
        *(
            "x[:1].squeeze(0)",
            "x[:1].squeeze(1)",
            "x[:1, None].squeeze((0, 1))",
            "v.expand(3, 4)",
            "v.expand(2, 3, -1)",
            "n.expand(2)",
            "v.expand_as(x)",
        ),
        *(
            "x.narrow(1, 1, 2)",
            "x.select(0, -1)",
            "x.split(2)",
            "x.split([1, 2])",
            "x.chunk(2, 1)",
            "x.unbind(1)",
            "v.unfold(0, 2, 1)",
        ),
        *(
            "x.unfold(1, 3, 1)",
            "x.diagonal()",
            "x.diagonal(1)",
            "c.diagonal(0, 1, 2)",
            "x.view_as(y)",
            "x.contiguous()",
            "x.ravel()",
            "x.tensor_split(2)",
        ),
        *(
            "x.t().is_contiguous()",
            "x.stride()",
            "x.t().stride()",
            "x[:, 1].storage_offset()",
            "x[1:].stride(0)",
            "x.size(1)",
            "x.size(-1)",
            "x.shape[1:]",
        ),
        *(
            "x.dim()",
            "x.ndim",
            "x.numel()",
            "torch.numel(x)",
            "len(x)",
            "n.dim()",
            "x.element_size()",
            "x.nbytes",
            "x.shape.numel()",
            "x.nelement()",
        ),
        *(
            "torch.as_strided(x, (2, 2), (1, 2), 1)",
            "x.broadcast_to((2, 3, 4))",
            "torch.broadcast_tensors(x, v)",
            "n.view(1)",
            "v[:1].view(())",
        ),
        *(
            "[row.sum() for row in x]",
            "list(v)",
            "torch.zeros(0, 3).view(3, 0)",
            "torch.zeros(2, 0, 3).flatten()",
            "c[:, :, ::2].reshape(2, -1)",
        ),
    ],
    "index": [
        *(
            "x[0]",
            "x[-1]",
            "x[0, 1]",
            "x[:, 0]",
            "x[1:]",
            "x[::2]",
            "x[:, 1:3]",
            "x[..., 0]",
            "x[None]",
            "x[:, None]",
            "x[:, 0, None]",
            "c[0, ..., 1]",
        ),
        *(
            "x[1:1]",
            "x[5:]",
            "x[-2:]",
            "x[...]",
            "x[:]",
            "x[k[:3] - 1]",
            "x[k[:2], k[2:]]",
            "x[:, k]",
            "c[:, k[:2], 1:3]",
            "c[0, :, k]",
            "c[k[:2] % 2, :, k[:2]]",
        ),
        *(
            "x[b]",
            "x[x > 0]",
            "c[:, b]",
            "x[b[:, 0]]",
            "x[[0, 2]]",
            "x[[0, 2], [1, 3]]",
            "x[torch.tensor(1)]",
            "x[k[:2].reshape(2, 1), k[2:]]",
            "v[np.array([1, 2])]",
        ),
        *(
            "x[[True, False, True]]",
            "x[range(2)]",
            "x[torch.tensor([], dtype=torch.long)]",
            "x[u[:1, :1].long() * 0]",
            "i[i > 100]",
            "x[(0, 1)]",
            "x[1, k]",
        ),
        *(
            "x.gather(1, k[:3].reshape(3, 1))",
            "torch.gather(x, 0, torch.tensor([[0, 2, 1, 0]]))",
            "x.index_select(1, k)",
            "x.take(torch.tensor([0, 5, 11]))",
        ),
        *(
            "x.masked_select(b)",
            "x.nonzero().shape",
            "i.nonzero()",
            "torch.nonzero(i, as_tuple=True)",
            "torch.where(b)",
            "b.nonzero()",
            "n.nonzero()",
            "b.argwhere()",
        ),
        *(
            "torch.zeros(3, 4).scatter(1, k[:3].reshape(3, 1), 1.0)",
            "torch.zeros(3, 4).scatter(1, k[:3].reshape(3, 1), x)",
        ),
        *(
            "x.scatter_add(0, torch.tensor([[0, 0, 2, 1]]), y)",
            "x.index_add(0, torch.tensor([0, 0]), y[:2])",
            "x.index_add(0, torch.tensor([0, 2]), y[:2], alpha=2)",
        ),
        *(
            "x.index_fill(1, torch.tensor([0, 2]), 9)",
            "x.index_copy(0, torch.tensor([2, 0]), y[:2])",
            "torch.take_along_dim(x, x.argsort(1), 1)",
        ),
    ],
    "rearrange": [
        *(
            "torch.cat((x, y))",
            "torch.cat([x, y], 1)",
            "torch.cat([x, x.t().t()], dim=-1)",
            "torch.cat([x, i])",
            "torch.cat([torch.zeros(0), v])",
            "torch.stack((x, y))",
        ),
        *(
            "torch.stack([x, y], 2)",
            "torch.stack([v, v], -1)",
            "torch.hstack([v, v])",
            "torch.hstack([x, y])",
            "torch.vstack([v, v])",
            "torch.dstack([x, y])",
        ),
        *(
            "v.repeat(2)",
            "v.repeat(2, 3)",
            "x.repeat(1, 2)",
            "x.tile(2)",
            "x.flip(0)",
            "x.flip((0, 1))",
            "x.fliplr()",
            "x.roll(1)",
            "x.roll(1, 0)",
            "x.roll((1, -1), (0, 1))",
        ),
        *(
            "v.repeat_interleave(2)",
            "x.repeat_interleave(2, 0)",
            "v.repeat_interleave(torch.tensor([0, 2, 1, 1]))",
            "x.tril()",
            "x.triu(1)",
            "v.diag()",
            "x.diag()",
        ),
        *(
            "torch.meshgrid(v, v[:2], indexing='ij')",
            "torch.meshgrid(v, v[:2], indexing='xy')",
            "torch.atleast_2d(v)",
            "torch.block_diag(x, m)",
        ),
    ],
    "creation": [
        *(
            "torch.tensor([1, 2, 3])",
            "torch.tensor([1., 2.])",
            "torch.tensor([[1, 2.5]])",
            "torch.tensor(3)",
            "torch.tensor(True)",
            "torch.tensor([])",
            "torch.tensor([[], []])",
        ),
        *(
            "torch.tensor(np.array([1., 2.]))",
            "torch.tensor(np.float32(1.5))",
            "torch.tensor([np.float64(1), 2])",
            "torch.tensor([True, False])",
            "torch.tensor([True, 2])",
        ),
        *(
            "torch.tensor([x[0, 0], x[0, 1]])",
            "torch.tensor([x[0].tolist()])",
            "torch.tensor(x)",
            "torch.tensor([1, 2], dtype=torch.float64)",
            "torch.tensor((1, 2), dtype=torch.bool)",
        ),
        *(
            "torch.zeros(2, 3)",
            "torch.zeros((2, 3))",
            "torch.zeros([2])",
            "torch.zeros(2, dtype=torch.long)",
            "torch.ones(2, 3)",
            "torch.ones(())",
            "torch.full((2, 2), 7)",
            "torch.full((2,), 1.5)",
        ),
        *(
            "torch.full((2,), True)",
            "torch.zeros_like(i)",
            "torch.ones_like(x)",
            "torch.full_like(x, 3)",
            "torch.zeros_like(x, dtype=torch.int32)",
            "torch.empty(2, 3).fill_(5)",
            "torch.empty(2).shape",
        ),
        *(
            "torch.arange(5)",
            "torch.arange(1, 2.5, 0.5)",
            "torch.arange(0, 10, 3)",
            "torch.arange(5.)",
            "torch.arange(3, dtype=torch.float32)",
            "torch.arange(0)",
            "torch.arange(5, 1, -2)",
        ),
        *(
            "torch.linspace(0, 1, 5)",
            "torch.linspace(-3, 10, 7)",
            "torch.logspace(0, 2, 3)",
            "torch.eye(3)",
            "torch.eye(2, 3)",
            "torch.eye(2, dtype=torch.long)",
            "torch.from_numpy(np.arange(3))",
        ),
        *(
            "torch.FloatTensor([[1, 2, 3], [4, 5, 6]])",
            "torch.FloatTensor(2, 3).shape",
            "torch.LongTensor([1, 2])",
            "torch.ByteTensor([1, 2])",
            "torch.Tensor(2, 3).shape",
            "torch.Tensor([1, 2])",
        ),
        *(
            "torch.DoubleTensor(2).dtype",
            "isinstance(x, torch.FloatTensor)",
            "isinstance(i, torch.FloatTensor)",
            "torch.BoolTensor([1, 0])",
            "torch.Tensor(x.shape).shape",
        ),
        *(
            "x.new_zeros(2, 2)",
            "i.new_ones(2)",
            "x.new_tensor([1, 2])",
            "x.new_full((2,), 3)",
            "torch.as_tensor([1, 2])",
            "torch.as_tensor(x) is x",
            "torch.is_tensor(x)",
            "torch.as_tensor(i, dtype=torch.float32)",
        ),
    ],
    "python": [
        *(
            "float(n)",
            "int(torch.tensor(3.7))",
            "bool(n)",
            "n.item()",
            "torch.tensor(42).item()",
            "torch.tensor([[2.5]]).item()",
            "torch.tensor(True).item()",
            "x.tolist()",
            "n.tolist()",
        ),
        *(
            "range(5)[torch.tensor(2)]",
            "[1, 2, 3][torch.tensor(1)]",
            "0.5 in n.view(1)",
            "x[0, 0] in x",
            "3 in k",
            "f'{n}'",
            "f'{n:.3f}'",
            "'{}'.format(torch.tensor(42))",
            "hash(x) == hash(x)",
        ),
        *(
            "x.numpy().flags.writeable",
            "x.numpy()",
            "np.asarray(i)",
            "np.array(x, dtype=np.float64)",
            "len(k)",
            "k.tolist()",
            "sum(v)",
            "max(k)",
            "x == None",
            "x is x",
            "n > 0.2 and True",
        ),
        *(
            "str(x.shape)",
            "repr(x.size())",
            "x.shape == (3, 4)",
            "tuple(x.shape)",
            "x.shape + (1,)",
            "str(torch.device('cuda:1'))",
            "repr(torch.device('cpu'))",
            "repr(torch.device('cuda', 0))",
            "str(x.device)",
        ),
        *(
            "torch.device('cuda:1').index",
            "torch.device('cpu') == x.device",
            "x.is_cuda",
            "x.to('cpu') is x",
            "x.float() is x",
            "x.cpu() is x",
            "x.is_floating_point()",
            "torch.is_floating_point(i)",
        ),
        *(
            "torch.pi",
            "torch.inf",
            "str(torch.float64)",
            "torch.get_default_dtype()",
            "x.data_ptr() == x.view(-1).data_ptr()",
            "copy.deepcopy(x)",
            "copy.copy(x).shape",
            "pickle.loads(pickle.dumps(torch.float32)) is torch.float32",
        ),
    ],
}


def evaluate(expression, torch):
    """The value of an expression with one of the two libraries."""
    import copy
    import pickle

    names = {name: torch.tensor(value) for name, value in DATA.items()}
    return eval(expression, {"torch": torch, "np": np, "copy": copy, "pickle": pickle, **names})


def assert_same(found, wanted, tolerance=1e-6):
    """Values, types and shapes, inside tuples and lists too."""
    if isinstance(wanted, theirs.Tensor):
        assert isinstance(found, ours.Tensor)
        assert str(found.dtype) == str(wanted.dtype)
        assert tuple(found.shape) == tuple(wanted.shape)
        assert found.requires_grad == wanted.requires_grad
        given, right = (t.detach().double().numpy() for t in (found, wanted))
        loose = {"torch.float64": 1e-12, "torch.float16": 1e-3, "torch.bfloat16": 1e-2}
        limit = loose.get(str(wanted.dtype), tolerance)
        np.testing.assert_allclose(given, right, rtol=limit, atol=limit)
    elif isinstance(wanted, tuple | list):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            assert_same(a, b, tolerance)
    elif isinstance(wanted, np.ndarray):
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype
    elif isinstance(wanted, theirs.dtype | theirs.device):
        assert str(found) == str(wanted)
    else:
        assert type(found) is type(wanted)
        assert (
            found == pytest.approx(wanted, rel=1e-6)
            if isinstance(wanted, float)
            else found == wanted
        )


@pytest.mark.parametrize(
    "expression",
    [pytest.param(row, id=f"{kind}: {row}") for kind, rows in ROWS.items() for row in rows],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_same_as_pytorch(expression):
    assert_same(evaluate(expression, ours), evaluate(expression, theirs))
