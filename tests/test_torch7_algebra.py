"""Products, linear algebra and its kin of torch, by what defines their results."""

import itertools
import re

import numpy as np
import pytest

import fnn.torch7 as torch
import transforms
from tests.torch7_numbers import matrix, same

pytestmark = pytest.mark.unoptimised

RANDOM = np.random.default_rng(1)


def drawn(*size, kind="double"):
    return getattr(torch.fromarray(RANDOM.normal(size=size)), kind)()


A, SIDES = drawn(4, 4), drawn(4, 2)
DEFINITE = A * A.t() + torch.eye(4)
TALL, WIDE = drawn(5, 3), drawn(3, 5)


def assert_close(found, wanted, **tolerance):
    np.testing.assert_allclose(found, wanted, **{"rtol": 1e-9, "atol": 1e-12, **tolerance})


# Products.

M, V, BATCH = matrix(2, 3), torch.Tensor([1, 2, 3]), matrix(2, 2, 3)
SUMS = {
    "addmv": (torch.Tensor([1, 2]), M, V, "ij,j->i"),
    "addmm": (matrix(2, 2), M, M.t(), "ij,jk->ik"),
    "addr": (matrix(2, 3), torch.Tensor([4, 5]), V, "i,j->ij"),
    "addbmm": (matrix(2, 2), BATCH, BATCH.transpose(2, 3), "bij,bjk->ik"),
    "baddbmm": (matrix(2, 2, 2), BATCH, BATCH.transpose(2, 3), "bij,bjk->bik"),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_of_a_product(name):
    m, a, b, letters = SUMS[name]
    product, start, function = np.einsum(letters, a, b), np.asarray(m), getattr(torch, name)
    result = m.clone().zero()
    assert_close(function(m, a, b), start + product)
    assert_close(function(m, 2, a, b), start + 2 * product)
    assert_close(function(3, m, a, b), 3 * start + product)
    assert_close(function(3, m, 2, a, b), 3 * start + 2 * product)
    assert function(result, 3, m, 2, a, b) is result
    assert_close(result, 3 * start + 2 * product)
    for given, wanted in (
        ((a, b), start + product),
        ((2, a, b), start + 2 * product),
        ((3, 2, a, b), 3 * start + 2 * product),
        ((result, a, b), np.asarray(result) + product),
        ((result, 2, a, b), np.asarray(result) + 2 * product),
        ((3, result, 2, a, b), 3 * np.asarray(result) + 2 * product),
    ):
        x = m.clone()
        assert getattr(x, name)(*given) is x
        assert_close(x, wanted)


def test_products_of_batches():
    wanted = np.asarray(BATCH) @ np.asarray(BATCH.transpose(2, 3))
    assert_close(torch.bmm(BATCH, BATCH.transpose(2, 3)), wanted)
    result = torch.Tensor(2, 2, 2)
    assert result.bmm(BATCH, BATCH.transpose(2, 3)) is result
    assert_close(result, wanted)


# Linear algebra.


def test_a_linear_system():
    x, factors = torch.gesv(SIDES, A)
    assert_close(A * x, SIDES)
    assert abs(float(torch.diag(factors).prod())) == pytest.approx(abs(np.linalg.det(A)))
    results = torch.Tensor(), torch.Tensor()
    found = torch.gesv(*results, SIDES, A)
    assert found[0] is results[0]
    assert found[1] is results[1]
    assert same(results[0], x.tolist())
    assert torch.gesv(SIDES.select(2, 1), A)[0].isSize([4, 1])


@pytest.mark.parametrize("a", [TALL, WIDE], ids=["tall", "wide"])
def test_least_squares(a):
    b = drawn(a.size(1), 2)
    x, factors = torch.gels(b, a)
    assert_close(x, np.linalg.lstsq(np.asarray(a), np.asarray(b))[0])
    assert factors.isSameSizeAs(a)


@pytest.mark.parametrize(("uplo", "trans", "diag"), [*itertools.product("UL", "NT", "NU")])
def test_triangular_systems(uplo, trans, diag):
    triangle = np.triu(A) if uplo == "U" else np.tril(A)
    if diag == "U":
        np.fill_diagonal(triangle, 1)
    x, _ = torch.trtrs(SIDES, A, uplo, trans, diag)
    assert_close((triangle.T if trans == "T" else triangle) @ np.asarray(x), SIDES, rtol=1e-7)


@pytest.mark.parametrize("uplo", ["U", "L"])
def test_symmetric_matrices(uplo):
    half = DEFINITE.triu() if uplo == "U" else DEFINITE.tril()
    values, vectors = torch.symeig(half, "V", uplo)
    assert_close(vectors * torch.diag(values) * vectors.t(), DEFINITE)
    assert_close(vectors.t() * vectors, np.eye(4))
    alone, nothing = torch.symeig(half, "N", uplo)
    assert_close(alone, values)
    assert nothing.dim() == 0
    factor = torch.potrf(half, uplo)
    other = factor.t() if uplo == "U" else factor
    assert_close(other * other.t(), DEFINITE)
    assert_close(other, np.tril(other))
    assert_close(DEFINITE * torch.potrs(SIDES, factor, uplo), SIDES)
    assert_close(DEFINITE * torch.potri(factor, uplo), np.eye(4))
    pivoted, order = torch.pstrf(half, uplo)
    lower = np.asarray(pivoted if uplo == "L" else pivoted.t())
    at = np.asarray(order) - 1
    assert order.type() == "torch.IntTensor"
    assert_close(lower @ lower.T, np.asarray(DEFINITE)[np.ix_(at, at)])
    assert (np.diff(np.diag(lower)) <= 0).all()
    assert same(torch.potrf(DEFINITE), torch.potrf(DEFINITE, "U").tolist())


def test_eigenvalues_of_any_matrix():
    turn = torch.Tensor([[0, -2, 0], [2, 0, 0], [0, 0, 5]])
    values, vectors = torch.eig(turn, "V")
    assert_close(values, [[0, 2], [0, -2], [5, 0]])
    real, imaginary = np.asarray(vectors)[:, 0], np.asarray(vectors)[:, 1]
    pair = real + 1j * imaginary
    assert_close(np.asarray(turn) @ pair, 2j * pair)
    assert_close(vectors.select(2, 3).abs(), [0, 0, 1])
    values, nothing = torch.eig(A)
    assert values.isSize([4, 2])
    assert nothing.dim() == 0
    assert_close(values.select(2, 1).sum(), torch.trace(A))


@pytest.mark.parametrize("a", [TALL, WIDE], ids=["tall", "wide"])
def test_singular_values(a):
    rows, columns = a.size()
    for job in ("S", "A"):
        u, s, v = torch.svd(a, job)
        assert u.isSize([rows, rows if job == "A" else 3])
        assert v.isSize([columns, columns if job == "A" else 3])
        assert_close(u.narrow(2, 1, 3) * torch.diag(s) * v.narrow(2, 1, 3).t(), a)
        assert_close(u.t() * u, np.eye(u.size(2)))
        assert_close(v.t() * v, np.eye(v.size(2)))
    assert torch.svd(a)[2].isSize([columns, 3])


@pytest.mark.parametrize("a", [TALL, WIDE], ids=["tall", "wide"])
def test_orthogonal_factors(a):
    q, r = torch.qr(a)
    assert_close(q * r, a)
    assert_close(q.t() * q, np.eye(3))
    assert_close(r, r.triu())
    packed, factors = torch.geqrf(a)
    assert_close(packed.narrow(1, 1, 3).triu(), r)
    assert_close(torch.orgqr(packed, factors).narrow(2, 1, 3), q)
    whole = torch.ormqr(packed, factors, torch.eye(a.size(1)))
    assert_close(whole * whole.t(), np.eye(a.size(1)))
    assert_close(whole.narrow(2, 1, 3), q)
    c = drawn(a.size(1), 2)
    assert_close(torch.ormqr(packed, factors, c, "L", "T"), whole.t() * c)
    assert_close(torch.ormqr(packed, factors, c.t(), "R"), c.t() * whole)


def test_inverses():
    assert_close(torch.inverse(A) * A, np.eye(4), atol=1e-9)
    result = torch.Tensor()
    assert torch.inverse(result, A) is result
    assert_close(result * A, np.eye(4), atol=1e-9)


def test_in_single_precision():
    a = A.float()
    for found in (*torch.svd(a), *torch.gesv(SIDES.float(), a), *torch.eig(a), torch.inverse(a)):
        assert found.type() == "torch.FloatTensor"
    u, s, v = torch.svd(a)
    assert_close(u * torch.diag(s) * v.t(), a, rtol=1e-4, atol=1e-5)


MISTAKES = [
    ("inverse", (torch.zeros(2, 2),), "likely cause: the matrix is singular"),
    ("gesv", (SIDES, torch.ones(4, 4)), "likely cause: the matrix is singular"),
    ("potrf", (-DEFINITE,), "not positive definite"),
    ("pstrf", (torch.ones(2, 2),), "after 1 of 2"),
    ("gesv", (A, SIDES), "wanted a square matrix"),
    ("gesv", (TALL, A), "wanted 4 rows in both"),
    ("svd", (A, "X"), "given job 'X', wanted one of S, A"),
    ("symeig", (V,), "wanted a square matrix"),
    ("ormqr", (*torch.geqrf(TALL), SIDES), "wanted 5 rows in the matrix"),
    ("conv2", (matrix(2, 2), matrix(3, 3)), "a kernel that fits into the image"),
    ("conv2", (BATCH, matrix(3, 1, 1)), "p images and p kernels"),
    ("cross", (M, V), "equal sizes"),
    ("match", (M, M.t()), "rows of one length"),
    ("bmm", (BATCH, BATCH), "sizes [2, 2, 3] and [2, 2, 3], wanted b x n x m and b x m x p"),
    ("addmm", (torch.Tensor(2), M, M.t()), "a summand of size [2], wanted size [2, 2]"),
    ("multinomial", (V, 4), "no more draws than categories"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), MISTAKES, ids=lambda x: str(x)[:20])
def test_mistakes(name, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(torch, name)(*arguments)


def test_arguments_that_fit_no_form():
    for call in (
        lambda: torch.svd(torch.Tensor(), A),
        lambda: torch.renorm(A, 2),
        lambda: torch.inverse(A, 1),
        lambda: torch.inverse(A.long()),
        lambda: torch.gesv(SIDES.float(), A),
    ):
        with pytest.raises(TypeError, match="given"):
            call()


def test_in_compiled_code():
    @transforms.jit
    def solve(b, a):
        return torch.gesv(b, a)[0], torch.svd(a)[1], torch.inverse(a)

    assert_close(solve(SIDES, A)[0], torch.gesv(SIDES, A)[0])
    for call in (torch.eig, lambda a: torch.multinomial(a, 1)):
        with pytest.raises((RuntimeError, ValueError), match="compiled"):
            transforms.jit(call)(DEFINITE)


# Convolutions and their kin.


def summed(x, k, border):
    """A correlation as the sum over the kernel's places."""
    if border == "F":
        x = np.pad(x, [(n - 1, n - 1) for n in k.shape])
    size = [n - m + 1 for n, m in zip(x.shape, k.shape, strict=True)]
    places = itertools.product(*map(range, k.shape))
    parts = [tuple(slice(i, i + n) for i, n in zip(at, size, strict=True)) for at in places]
    return sum(v * x[part] for v, part in zip(k.reshape(-1), parts, strict=True))


@pytest.mark.parametrize("border", ["V", "F"])
@pytest.mark.parametrize("space", [2, 3])
def test_convolutions(space, border):
    images, kernels = drawn(2, *(5, 4, 3)[:space]), drawn(3, 2, *(2, 3, 2)[:space])
    x, k = np.asarray(images), np.asarray(kernels)
    for name, turned in ((f"xcorr{space}", k), (f"conv{space}", np.flip(k, range(2, k.ndim)))):
        convolve = getattr(torch, name)
        each = np.array([[summed(x[i], ks[i], border) for i in range(2)] for ks in turned])
        assert_close(convolve(images[2], kernels[1][2], border), each[0, 1])
        assert_close(convolve(images, kernels[1], border), each[0])
        assert_close(convolve(images, kernels, border), each.sum(1))
        assert_close(getattr(images[1], name)(kernels[1][1], border), each[0, 0])


def test_a_convolution_turns_its_kernel():
    x, k = matrix(3, 3), torch.Tensor([[1, 2], [3, 4]])
    assert same(torch.xcorr2(x, k), [[37, 47], [67, 77]])
    assert same(torch.conv2(x, k), [[23, 33], [53, 63]])
    result = torch.Tensor()
    assert torch.conv2(result, x, k, "F") is result
    assert same(result[1], [1, 4, 7, 6])
    assert same(torch.conv2(x.long(), k.long()), [[23, 33], [53, 63]])


def test_histograms():
    x = torch.Tensor([1, 2, 2, 5])
    assert same(x.histc(4), [1, 2, 0, 1])
    assert same(torch.histc(x, 4, 2, 4), [2, 0, 0, 0])  # 1 and 5 lie outside
    assert same(torch.histc(torch.Tensor([3, 3]), 2), [0, 2])  # bounds 2 and 4
    assert x.histc().isSize([100])
    result = torch.Tensor()
    assert result.histc(x, 4) is result
    assert same(result, [1, 2, 0, 1])
    assert same(torch.bhistc(x.view(2, 2), 4), [[1, 1, 0, 0], [0, 1, 0, 1]])
    assert same(torch.bhistc(x.view(2, 2), 2, 0, 4), [[1, 1], [0, 1]])


def test_slices_are_shortened():
    x = torch.Tensor([[3, 4], [0.3, 0.4]])
    result = torch.renorm(x, 2, 1, 1)
    assert_close(result, [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)
    assert same(x, [[3, 4], [0.3, 0.4]])
    assert x.renorm(1, 2, 2) is x
    assert_close(x.select(2, 1), np.array([3, 0.3]) * 2 / 3.3, rtol=1e-6)
    assert x.renorm(result, 2, 1, 1) is x
    assert_close(x, result, rtol=1e-6)


def test_products_in_space():
    x, y = drawn(3, 2), drawn(3, 2)
    wanted = np.cross(x, y, axis=0)
    assert_close(x.cross(y), wanted)
    assert_close(torch.cross(x.t(), y.t(), 2), wanted.T)
    both = drawn(3, 3)
    assert_close(both.cross(both.t()), np.cross(both, both.t(), axis=0))
    assert_close(both.cross(both.t(), 2), np.cross(both, both.t(), axis=1))
    assert same(torch.LongTensor([1, 0, 0]).cross(torch.LongTensor([0, 1, 0])), [0, 0, 1])


def test_squared_distances_of_rows():
    x, y = matrix(2, 3), torch.zeros(1, 3)
    assert same(torch.match(x, y), [[14], [77]])
    assert same(torch.match(x, y, 0.5), [[7], [38.5]])
    assert same(torch.match(BATCH, BATCH), [[0, 6 * 36], [6 * 36, 0]])
    assert torch.match(x.byte(), y.byte()).type() == "torch.ByteTensor"


# Draws of categories.


def test_categories_come_from_the_stream():
    p = torch.Tensor([0.1, 0.2, 0.7])
    torch.manualSeed(123)
    assert same(torch.multinomial(p, 6, True), [3, 3, 2, 3, 2, 3])
    torch.manualSeed(123)
    found = torch.LongTensor()
    assert torch.multinomial(found, p, 6, True) is found
    assert same(found, [3, 3, 2, 3, 2, 3])
    assert p.multinomial(found, p * 5, 2, True) is found
    # 0.6965 finds 2 or 3; what is drawn has no share in the next draw.
    torch.manualSeed(123)
    assert same(p.multinomial(3), [3, 2, 1])
    assert same(torch.multinomial(torch.Generator(123), p * 5, 2), [3, 2])


def test_categories_of_each_row():
    p = torch.Tensor([[1, 0, 0, 3], [0, 2, 2, 0]])
    found = torch.multinomial(p.float(), 500, True)
    assert found.type() == "torch.LongTensor"
    counts = [np.bincount(row, minlength=5)[1:] / 500 for row in np.asarray(found)]
    assert_close(counts, np.asarray(p) / 4, atol=0.1)
    assert [sorted(row) for row in torch.multinomial(p, 2).tolist()] == [[1, 4], [2, 3]]


def test_categories_by_a_table():
    torch.manualSeed(1)
    p = torch.Tensor([0.5, 0.1, 0, 0.15, 0.25])
    state = torch.multinomialAliasSetup(p)
    other, level = (np.asarray(x) for x in state)
    shares = level / 5
    np.add.at(shares, other - 1, (1 - level) / 5)
    assert_close(shares, p)
    output = torch.LongTensor(20000)
    assert torch.multinomialAlias(output, state) is output
    assert_close(np.bincount(output, minlength=6)[1:] / 20000, p, atol=0.02)
    assert torch.multinomialAliasSetup(torch.Tensor([1, 3]), state) is state
    assert same(state[2], [0.5, 1])
