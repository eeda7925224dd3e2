"""Linear algebra as LAPACK and Torch7 have it: results in their forms, options by their letters.

`uplo` says which triangle of a matrix holds it, "U" or "L". Right-hand sides may be vectors, which
become matrices of one column. A matrix that has no solution gives infinities or NaN.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.scipy.linalg import cho_solve, lu_factor, lu_solve
from jax.scipy.linalg import solve_triangular as triangular
from numpy.typing import NDArray

from fnn.errors import describe, require


def _matrix(name: str, a: Any, square: bool = False) -> None:
    """Raise unless this is a matrix."""
    require(
        a.ndim == 2 and (not square or a.shape[0] == a.shape[1]),
        name,
        describe(a),
        "a square matrix" if square else "a matrix",
        "an axis is missing, or the operands are exchanged: the right-hand side comes first",
    )


def _columns(name: str, b: Array, a: Array) -> Array:
    """A right-hand side of the system with matrix `a`, as columns."""
    require(
        b.ndim in (1, 2) and b.shape[0] == a.shape[0],
        name,
        f"right-hand side {describe(b)} and matrix {describe(a)}",
        f"{a.shape[0]} rows in both",
        "the operands are exchanged: the right-hand side comes first",
    )
    return b[:, None] if b.ndim == 1 else b


def solve(b: Array, a: Array) -> tuple[Array, Array]:
    """The solution x of `a x = b`, and both factors of `a` in one matrix."""
    _matrix("gesv", a, square=True)
    factors = lu_factor(a)
    return lu_solve(factors, _columns("gesv", b, a)), factors[0]


def least_squares(b: Array, a: Array) -> tuple[Array, Array]:
    """The x for which `|a x - b|` is smallest, of those the shortest; and the factors of `a`.

    These are QR's for a matrix with more rows than columns, else LQ's, each in one matrix.
    """
    _matrix("gels", a)
    b = _columns("gels", b, a)
    if a.shape[0] >= a.shape[1]:
        q, r = jnp.linalg.qr(a)
        return triangular(r, q.T @ b), reflectors(a)[0]
    q, r = jnp.linalg.qr(a.T)
    return q @ triangular(r, b, trans=1), reflectors(a.T)[0].T


def solve_triangular(
    b: Array, a: Array, *, uplo: str, trans: str, diag: str
) -> tuple[Array, Array]:
    """The solution x of `a x = b` for a triangular matrix, and the matrix.

    With `trans` "T" the matrix is transposed; with `diag` "U" its diagonal counts as ones.
    """
    _matrix("trtrs", a, square=True)
    b = _columns("trtrs", b, a)
    return triangular(a, b, trans=trans, lower=uplo == "L", unit_diagonal=diag == "U"), a


def symmetric_eigen(a: Array, *, vectors: str, uplo: str) -> tuple[Array, Array]:
    """Eigenvalues of a symmetric matrix, the smallest first; with "V" the vectors, as columns."""
    _matrix("symeig", a, square=True)
    if vectors == "N":
        return jnp.linalg.eigvalsh(a, uplo, symmetrize_input=False), jnp.zeros(0, a.dtype)
    values, found = jnp.linalg.eigh(a, uplo, symmetrize_input=False)
    return values, found


def eigen(a: NDArray, *, vectors: str) -> tuple[NDArray, NDArray]:
    """Eigenvalues, real and imaginary parts beside each other; with "V" the vectors, as columns.

    Of a pair of complex vectors, one column has the real part and the next one the imaginary part.
    """
    _matrix("eig", a, square=True)
    values, found = map(np.asarray, np.linalg.eig(a))
    second = np.roll(np.imag(values) > 0, 1)
    columns = np.where(second, -np.imag(found), np.real(found))
    parts = np.stack([np.real(values), np.imag(values)], 1)
    return parts, columns if vectors == "V" else np.zeros(0, a.dtype)


def singular_values(a: Array, *, job: str) -> tuple[Array, Array, Array]:
    """u, s and v of `a = u diag(s) v^T`; "A" completes u and v to square matrices."""
    _matrix("svd", a)
    u, s, v = jnp.linalg.svd(a, full_matrices=job == "A")
    return u, s, v.T


def inverse(a: Array) -> Array:
    """The matrix whose product with `a` is the identity."""
    _matrix("inverse", a, square=True)
    return jnp.linalg.inv(a)


def cholesky(a: Array, *, uplo: str) -> Array:
    """The factor of a positive definite matrix: u of `u^T u`, or l of `l l^T`."""
    _matrix("potrf", a, square=True)
    if uplo == "U":
        return jnp.linalg.cholesky(a.T, symmetrize_input=False).T
    return jnp.linalg.cholesky(a, symmetrize_input=False)


def cholesky_solve(b: Array, factor: Array, *, uplo: str) -> Array:
    """The solution x of `a x = b` by the factor of `a`."""
    _matrix("potrs", factor, square=True)
    return cho_solve((factor, uplo == "L"), _columns("potrs", b, factor))


def cholesky_inverse(factor: Array, *, uplo: str) -> Array:
    """The inverse of a matrix by its factor."""
    _matrix("potri", factor, square=True)
    return cho_solve((factor, uplo == "L"), jnp.eye(len(factor), dtype=factor.dtype))


def pivoted_cholesky(a: NDArray, tolerance: float, *, uplo: str) -> tuple[NDArray, NDArray]:
    """The factor of `a[order][:, order]`, and the order, counted from 1: largest pivots first.

    A pivot that is not above the tolerance is an error; a negative one stands for rounding errors.
    """
    _matrix("pstrf", a, square=True)
    half = np.tril(a) if uplo == "L" else np.triu(a).T
    rest = half + np.tril(half, -1).T
    count, order, factor = len(a), np.arange(len(a)), np.zeros_like(a)
    if tolerance < 0:
        tolerance = count * np.finfo(a.dtype).eps * np.diag(rest).max()
    for j in range(count):
        k = j + int(np.argmax(np.diag(rest)[j:]))
        require(
            rest[k, k] > max(tolerance, 0),
            "pstrf",
            f"a pivot {rest[k, k]:g} after {j} of {count}",
            "a positive definite matrix",
            "the matrix has not full rank, or is not positive semidefinite",
        )
        swap = np.arange(count)
        swap[[j, k]] = k, j
        rest, factor, order = rest[swap][:, swap], factor[swap], order[swap]
        factor[j:, j] = rest[j:, j] / np.sqrt(rest[j, j])
        rest[j:, j:] -= np.outer(factor[j:, j], factor[j:, j])
    return factor if uplo == "L" else factor.T, (order + 1).astype("int32")


def qr(a: Array) -> tuple[Array, Array]:
    """Orthogonal columns q and a triangle r of `a = q r`."""
    _matrix("qr", a)
    q, r = jnp.linalg.qr(a)
    return q, r


def reflectors(a: Array) -> tuple[Array, Array]:
    """r above q's reflectors in one matrix, and the reflectors' factors."""
    _matrix("geqrf", a)
    packed, factors = jnp.linalg.qr(a, mode="raw")
    return packed.T, factors


def orthogonal(a: Array, factors: Array) -> Array:
    """q from its reflectors; columns for which there are none stay."""
    _matrix("orgqr", a)
    count = len(factors)
    return jnp.concatenate([lax.linalg.householder_product(a[:, :count], factors), a[:, count:]], 1)


def times_orthogonal(a: Array, factors: Array, c: Array, *, side: str, trans: str) -> Array:
    """`q c` by q's reflectors, or `c q` with `side` "R"; with `trans` "T", q's transpose."""
    _matrix("ormqr", a)
    rows, count = len(a), len(factors)
    require(
        c.ndim == 2 and c.shape["LR".index(side)] == rows,
        "ormqr",
        f"reflectors {describe(a)} and a matrix {describe(c)}",
        f"{rows} {'rows' if side == 'L' else 'columns'} in the matrix",
        "the other side is meant",
    )
    padded = jnp.pad(a[:, :count], ((0, 0), (0, rows - count)))
    q = lax.linalg.householder_product(padded, factors)
    q = q.T if trans == "T" else q
    return q @ c if side == "L" else c @ q


def convolve(x: Array, k: Array, *, border: str, space: int, flip: bool) -> Array:
    """A convolution, which turns the kernel round, or with `flip=False` a correlation.

    An image and a kernel; planes and a kernel for each; or planes and a kernel for each pair of an
    output plane and one of them. "F" has all places where the two overlap, "V" those where they
    overlap in full.
    """
    form = x.ndim - space, k.ndim - space
    planes = x.shape[0] if form[0] else 1
    require(
        form in ((0, 0), (1, 1), (1, 2)) and (not form[0] or k.shape[form[1] - 1] == planes),
        "convolution",
        f"x {describe(x)} and k {describe(k)}",
        "an image and a kernel, p images and p kernels, or p images and q x p kernels",
        "the planes differ, or an axis is missing",
    )
    lengths = k.shape[-space:]
    require(
        border == "F" or all(n >= m for n, m in zip(x.shape[-space:], lengths, strict=True)),
        "convolution",
        f"x {describe(x)} and k {describe(k)}",
        "a kernel that fits into the image",
        "the operands are exchanged, or 'F' is meant",
    )
    if flip:
        k = jnp.flip(k, range(k.ndim - space, k.ndim))
    found = lax.conv_general_dilated(
        x.reshape(1, planes, *x.shape[-space:]),
        k.reshape(-1, planes if form[1] == 2 else 1, *lengths),
        (1,) * space,
        [(n - 1, n - 1) for n in lengths] if border == "F" else "VALID",
        feature_group_count=planes if form[1] == 1 else 1,
    )
    return found[0] if form[0] else found[0, 0]


def square_distances(a: Array, b: Array, gain: Array) -> Array:
    """`gain` times the squared distance of each row of `a` from each row of `b`."""
    a, b = (x.reshape(x.shape[0], -1) for x in (a, b))
    require(
        a.shape[1] == b.shape[1],
        "match",
        f"{describe(a)} and {describe(b)}",
        "rows of one length",
        "the rows hold different things",
    )
    distances = jnp.sum(jnp.square(a[:, None] - b[None]), -1, dtype=a.dtype)
    return jnp.asarray(gain).astype(a.dtype) * distances


def histogram(x: Array, low: Array, high: Array, *, bins: int) -> Array:
    """How many elements lie in each of equally wide bins between two bounds.

    Equal bounds stand for the smallest and the largest element.
    """
    return histograms(x.reshape(1, -1), low, high, bins=bins)[0]


def histograms(x: Array, low: Array, high: Array, *, bins: int) -> Array:
    """The `histogram` of each row, with the same bins."""
    _matrix("bhistc", x)
    low, high = (jnp.asarray(bound).astype(x.dtype) for bound in (low, high))
    of_data = low == high
    low, high = jnp.where(of_data, x.min(), low), jnp.where(of_data, x.max(), high)
    apart = (low == high).astype(x.dtype)
    low, high = low - apart, high + apart
    places = jnp.minimum(jnp.floor((x - low) / (high - low) * bins), bins - 1)
    places = jnp.where((x >= low) & (x <= high), places, bins).astype(jnp.int32)
    rows = lax.broadcasted_iota(jnp.int32, x.shape, 0)
    return jnp.zeros((len(x), bins), x.dtype).at[rows, places].add(1, mode="drop")


def shortened(x: Array, p: Array, longest: Array, *, axis: int) -> Array:
    """x with those of its slices along an axis scaled down whose p-norm is above `longest`."""
    p, longest = (jnp.asarray(number).astype(x.dtype) for number in (p, longest))
    others = tuple(i for i in range(x.ndim) if i != axis)
    lengths = jnp.sum(jnp.abs(x) ** p, others, keepdims=True) ** (1 / p)
    return x * jnp.where(lengths > longest, longest / (lengths + 1e-7), 1)


def cross(a: Array, b: Array, *, axis: int | None) -> Array:
    """The product of vectors in space, which lie along an axis: the first of length 3 if None."""
    if axis is None:
        axis = a.shape.index(3) if 3 in a.shape else 0
    require(
        a.shape == b.shape and a.shape[axis] == 3,
        "cross",
        f"{describe(a)} and {describe(b)}",
        f"equal sizes, with 3 along {'an axis' if axis is None else f'axis {axis}'}",
        "the vectors lie along another axis",
    )
    return jnp.cross(a, b, axis=axis)
