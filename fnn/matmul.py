"""Products of matrices, put so that XLA's code for CPU is fast. The numbers are the plain ones."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.linear import linear


@jax.custom_jvp
def transposed(matrix: Array) -> Array:
    """The last two axes exchanged, kept apart from the products that the matrix enters.

    Otherwise XLA folds the exchange into the gradient's product, which then walks down columns: up
    to twice as slow where these are powers of two apart.
    """
    return lax.optimization_barrier(jnp.matrix_transpose(matrix))


@transposed.defjvp
def _transposed_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """Nothing is kept apart on the way back, where XLA stops the process for small matrices."""
    return transposed(*primals), jnp.matrix_transpose(*tangents)


def product(x: Array, weight: Array) -> Array:
    """`x @ weight` with all leading axes of x as one, so that its gradient copies nothing."""
    if x.ndim <= 2:
        return x @ weight
    return (x.reshape(-1, x.shape[-1]) @ weight).reshape(*x.shape[:-1], -1)


def linear_rows(params: dict[str, Array], x: Array) -> Array:
    """`linear` with all leading axes of x as one."""
    if x.ndim <= 2:
        return linear(params, x)
    return linear(params, x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)
