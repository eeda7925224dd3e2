"""Run all benchmarks, or those named: `python -m benchmarks overhead sine`.

With `--markdown` the tables of the README are printed at the end.
"""

import argparse
import os
import platform
from importlib.metadata import PackageNotFoundError, version

# PyTorch's idle threads take the cores from the others, unless they soon go to sleep.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import jax

from benchmarks import kernels, overhead, products, sequences, steps
from benchmarks.workloads import WORKLOADS

SUITES = {
    "overhead": overhead.run,
    "kernels": kernels.run,
    "sequences": sequences.run,
    "products": products.run,
}
SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "GLIBC_TUNABLES")
PACKAGES = ("jax", "jaxlib", "numpy", "flax", "equinox", "optax", "torch")


def processor() -> str:
    """The processor's own name, where the system tells it."""
    try:
        with open("/proc/cpuinfo") as lines:
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> str:
    """What the figures are for."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    versions += [f"{name}={os.environ[name]}" for name in SETTINGS if name in os.environ]
    return (
        f"{processor()}, {os.cpu_count()} cores, {jax.default_backend()}, "
        f"Python {platform.python_version()}, {', '.join(versions)}"
    )


def main() -> None:
    """Print the machine, then each suite."""
    parser = argparse.ArgumentParser("python -m benchmarks", description="Measure speed.")
    known = [*SUITES, *WORKLOADS]
    parser.add_argument("suites", nargs="*", help=f"some of: {', '.join(known)}; all by default")
    parser.add_argument("--markdown", action="store_true", help="print the README's tables too")
    given = parser.parse_args()
    if unknown := set(given.suites) - set(known):
        parser.error(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    print(machine())
    chosen = given.suites or known
    for name, suite in SUITES.items():
        if name in chosen:
            suite()
    results = [steps.run(name) for name in chosen if name not in SUITES]
    if given.markdown and results:
        print(f"\n{machine()}\n\n{steps.markdown(results)}")


if __name__ == "__main__":
    main()
