"""JAX's transforms for functions that ask by name for `params`, `state`, `key` and `train`.

They differentiate by `params`, share them between examples, hand `state` on, give each example and
each step a key of its own, and keep `train` and keyword-only arguments static. Each gives a
function with the same signature, so they compose in any order; equal transforms of a function are
equal values, so a program is compiled once. Independent of any library of layers.
"""

from transforms.check import GradientReport, check_gradient
from transforms.checkpoint import checkpoint
from transforms.derivatives import (
    grad,
    hessian,
    hessian_vector_product,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from transforms.explain import CompilationBudgetExceeded, count_compilations, explain
from transforms.jit import jit
from transforms.scan import scan
from transforms.signature import TransformError
from transforms.vmap import vmap

__all__ = [
    "CompilationBudgetExceeded",
    "GradientReport",
    "TransformError",
    "check_gradient",
    "checkpoint",
    "count_compilations",
    "explain",
    "grad",
    "hessian",
    "hessian_vector_product",
    "jacobian",
    "jit",
    "jvp",
    "scan",
    "value_and_grad",
    "vjp",
    "vmap",
]
