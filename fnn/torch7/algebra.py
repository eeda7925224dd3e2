"""torch's linear algebra and its like: one row of a table for each name.

From a row come `torch.f([results,] operands, options)`, and the method, whose tensor is the first
argument.
"""

from __future__ import annotations

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
        letter = str(value)[:1]
        if letter not in tuple(self.default):
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

    floating: bool = True
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
        written = [result._receive(storage) for result, storage in pairs]
        return tuple(written) if self.results > 1 else written[0]

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


UPLO, VECTORS, JOB = Letter("uplo", "UL"), Letter("vectors", "NV"), Letter("job", "SA")
SIDE, TRANS, DIAG = Letter("side", "LR"), Letter("trans", "NT"), Letter("diag", "NU")
BORDER, GAIN, TOLERANCE = Letter("border", "VF"), Option("gain", 1), Option("tolerance", -1)
BINS = (Whole("bins", 100), Option("low", 0), Option("high", 0))
LENGTH = (Option("p"), Axis("axis"), Option("maxnorm"))
SINGULAR, INDEFINITE = "the matrix is singular", "the matrix is not positive definite"
DEPENDENT = "the matrix has not full rank"
ROWS = [
    Algebra("gesv", algebra.solve, operands=2, results=2, fails=SINGULAR),
    Algebra("gels", algebra.least_squares, operands=2, results=2, fails=DEPENDENT),
    Algebra(
        "trtrs",
        algebra.solve_triangular,
        operands=2,
        results=2,
        options=(UPLO, TRANS, DIAG),
        fails=SINGULAR,
    ),
    Algebra("symeig", algebra.symmetric_eigen, results=2, options=(VECTORS, UPLO)),
    Algebra("eig", algebra.eigen, results=2, options=(VECTORS,), on_host=True),
    Algebra("svd", algebra.singular_values, results=3, options=(JOB,)),
    Algebra("inverse", algebra.inverse, fails=SINGULAR),
    Algebra("potrf", algebra.cholesky, options=(UPLO,), fails=INDEFINITE),
    Algebra("potrs", algebra.cholesky_solve, operands=2, options=(UPLO,), fails=SINGULAR),
    Algebra("potri", algebra.cholesky_inverse, options=(UPLO,), fails=SINGULAR),
    Algebra("pstrf", algebra.pivoted_cholesky, results=2, options=(UPLO, TOLERANCE), on_host=True),
    Algebra("qr", algebra.qr, results=2),
    Algebra("geqrf", algebra.reflectors, results=2),
    Algebra("orgqr", algebra.orthogonal, operands=2),
    Algebra("ormqr", algebra.times_orthogonal, operands=3, options=(SIDE, TRANS)),
    Algebra("histc", algebra.histogram, options=BINS),
    Algebra("bhistc", algebra.histograms, options=BINS),
    Algebra("renorm", algebra.shortened, options=LENGTH, in_place=True),
    Algebra("match", algebra.square_distances, operands=2, options=(GAIN,), floating=False),
    Algebra("cross", algebra.cross, operands=2, options=(Axis("axis", 0),), floating=False),
]
ROWS += [
    Algebra(
        f"{name}{space}",
        algebra.convolve,
        operands=2,
        options=(BORDER,),
        fixed=(("space", space), ("flip", name == "conv")),
        floating=False,
    )
    for name in ("conv", "xcorr")
    for space in (2, 3)
]
ALGEBRA = {row.name: row for row in ROWS}
