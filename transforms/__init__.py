"""JAX's transforms for functions that ask by name for `params`, `state`, `key` and `train`.

They differentiate by `params`, share them between examples, hand `state` on, give each example and
each step a key of its own, and keep `train` and keyword-only arguments static. Each gives a
function with the same signature, so they compose in any order; equal transforms of a function are
equal values, so a program is compiled once. Independent of any library of layers.

Modules, their methods and imperative code that computes with tensors are taken too: see
`transforms.objects` for what such objects say about themselves.
"""

from transforms.cache import cache_programs
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
from transforms.epochs import epochs
from transforms.explain import CompilationBudgetExceeded, count_compilations, explain
from transforms.finite import NonFiniteError, find_nonfinite
from transforms.jit import jit
from transforms.profile import Profile, profile
from transforms.scan import scan
from transforms.signature import TransformError
from transforms.vmap import vmap

__all__ = [
    "CompilationBudgetExceeded",
    "GradientReport",
    "NonFiniteError",
    "Profile",
    "TransformError",
    "cache_programs",
    "check_gradient",
    "checkpoint",
    "count_compilations",
    "epochs",
    "explain",
    "find_nonfinite",
    "grad",
    "hessian",
    "hessian_vector_product",
    "jacobian",
    "jit",
    "jvp",
    "profile",
    "scan",
    "value_and_grad",
    "vjp",
    "vmap",
]
