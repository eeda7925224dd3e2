"""torch's linear algebra and its like: one row of a table for each name.

From a row come `torch.f([results,] operands, options)`, and the method, whose tensor is the first
argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import jax
import numpy as np

from fnn import algebra
from fnn.errors import require
from fnn.tensor.run import known, run
from fnn.tensor.types import from_data
from fnn.torch7.counting import axis, whole
from fnn.torch7.maths import Operation, kinds, said, wrapped
from fnn.torch7.storage import Storage

SINGULAR = "the matrix is singular"
INDEFINITE = "the matrix is not positive definite"


@dataclass(frozen=True)
class Option:
    """What may follow the operands; without a default it has to be given."""

    name: str
    default: Any = None

    def of(self, value: Any, dimensions: int) -> Any:
        """A value, or the default, as the function takes it."""
        return value


class Letter(Option):
    """One of several letters, of which the first is the default."""

    def of(self, value: Any, dimensions: int) -> Any:
        """The letter."""
        letter = value[:1]
        if letter not in self.default or not letter:
            raise ValueError(
                f"given {self.name} {value!r}, wanted one of {', '.join(self.default)}"
            )
        return letter


class Whole(Option):
    """A whole number, which selects the program."""

    def of(self, value: Any, dimensions: int) -> Any:
        """The number."""
        return whole(value)


class Axis(Option):
    """A dimension, counted from 1; 0 leaves the choice to the function."""

    def of(self, value: Any, dimensions: int) -> Any:
        """The axis, counted from 0."""
        return None if value == 0 else axis(value, dimensions)


@dataclass(frozen=True)
class Algebra(Operation):
    """A function of `operands` tensors with `results` results.

    The plain ones of the `options` are floats, which follow the operands. `fails` says why there
    may be no result. What runs `on_host` is NumPy's.
    """

    operands: int = 1
    results: int = 1
    options: tuple[Option, ...] = ()
    fixed: tuple[tuple[str, Any], ...] = ()
    fails: str = ""
    on_host: bool = False

    def call(self, *arguments: Any) -> Any:
        """`torch.f(operands..., options...)`, with the results before them or without."""
        form = kinds(arguments)
        count = len(form) - len(form.lstrip("t")) - self.operands
        given = arguments[count + self.operands :]
        if count not in (0, self.results) or len(given) > len(self.options):
            raise self.refusal(arguments)
        found = self.compute(*arguments[count:])
        if not count:
            return wrapped(arguments[0], found)
        pairs = zip(arguments, jax.tree.leaves(found), strict=False)
        written = tuple(result._receive(storage) for result, storage in pairs)
        return written if len(written) > 1 else written[0]

    def method(self, x: Any, *arguments: Any) -> Any:
        """`x.f(...)`."""
        if self.in_place and kinds(arguments)[:1] != "t":
            return x._receive(self.compute(x, *arguments))
        return self.call(x, *arguments)

    def refusal(self, arguments: tuple[Any, ...]) -> TypeError:
        """What to say of arguments that fit no form."""
        names = [*["tensor"] * self.operands, *(option.name for option in self.options)]
        given, results = ", ".join(map(said, arguments)), "result, " * self.results
        return TypeError(f"{self.name}: given ({given}), wanted ([{results}]{', '.join(names)})")

    def compute(self, x: Any, *others: Any) -> Any:
        """The results in new storages."""
        tensors, given = (x, *others[: self.operands - 1]), others[self.operands - 1 :]
        self.check(*tensors)
        floats, options = [], dict(self.fixed)
        for option, value in zip_longest(self.options, given):
            value = option.default if value is None else value
            if value is None:
                raise self.refusal((x, *others))
            if type(option) is Option:
                floats.append(value)
            else:
                options[option.name] = option.of(value, x.dim())
        if self.on_host:
            arrays = self.function(*map(np.asarray, tensors), *floats, **options)
            return jax.tree.map(lambda array: Storage(from_data(array, array.dtype)), arrays)
        found = run(self.function, *tensors, *floats, **options)
        first = jax.tree.leaves(found)[0]
        if self.fails and known(first):
            require(
                bool(np.isfinite(np.asarray(first.array)).all()),
                self.name,
                f"size {list(x._size)} without a finite result",
                "a matrix for which there is one",
                self.fails,
            )
        return found


UPLO, VECTORS, BORDER = Letter("uplo", "UL"), Letter("vectors", "NV"), Letter("border", "VF")
JOB, SIDE, TRANS, DIAG = (
    Letter("job", "SA"),
    Letter("side", "LR"),
    Letter("trans", "NT"),
    Letter("diag", "NU"),
)
BINS = (Whole("bins", 100), Option("low", 0), Option("high", 0))
SINGULAR, INDEFINITE = "the matrix is singular", "the matrix is not positive definite"
ROWS: dict[str, tuple[Callable, int, int, tuple[Option, ...], dict[str, Any]]] = {
    "gesv": (algebra.solve, 2, 2, (), {"fails": SINGULAR}),
    "gels": (algebra.least_squares, 2, 2, (), {"fails": "the matrix has not full rank"}),
    "trtrs": (algebra.solve_triangular, 2, 2, (UPLO, TRANS, DIAG), {"fails": SINGULAR}),
    "symeig": (algebra.symmetric_eigen, 1, 2, (VECTORS, UPLO), {}),
    "eig": (algebra.eigen, 1, 2, (VECTORS,), {"on_host": True}),
    "svd": (algebra.singular_values, 1, 3, (JOB,), {}),
    "inverse": (algebra.inverse, 1, 1, (), {"fails": SINGULAR}),
    "potrf": (algebra.cholesky, 1, 1, (UPLO,), {"fails": INDEFINITE}),
    "potrs": (algebra.cholesky_solve, 2, 1, (UPLO,), {"fails": SINGULAR}),
    "potri": (algebra.cholesky_inverse, 1, 1, (UPLO,), {"fails": SINGULAR}),
    "pstrf": (algebra.pivoted_cholesky, 1, 2, (UPLO, Option("tol", -1)), {"on_host": True}),
    "qr": (algebra.qr, 1, 2, (), {}),
    "geqrf": (algebra.reflectors, 1, 2, (), {}),
    "orgqr": (algebra.orthogonal, 2, 1, (), {}),
    "ormqr": (algebra.times_orthogonal, 3, 1, (SIDE, TRANS), {}),
    "histc": (algebra.histogram, 1, 1, BINS, {}),
    "bhistc": (algebra.histograms, 1, 1, BINS, {}),
    "renorm": (
        algebra.shortened,
        1,
        1,
        (Option("p"), Axis("axis"), Option("maxnorm")),
        {"in_place": True},
    ),
    "match": (algebra.square_distances, 2, 1, (Option("gain", 1),), {"floating": False}),
    "cross": (algebra.cross, 2, 1, (Axis("axis", 0),), {"floating": False}),
}
ROWS |= {
    f"{name}{space}": (
        algebra.convolve,
        2,
        1,
        (BORDER,),
        {"floating": False, "fixed": (("space", space), ("flip", name == "conv"))},
    )
    for name in ("conv", "xcorr")
    for space in (2, 3)
}
ALGEBRA = {
    name: Algebra(
        name,
        function,
        operands=operands,
        results=results,
        options=options,
        **{"floating": True, **more},
    )
    for name, (function, operands, results, options, more) in ROWS.items()
}
