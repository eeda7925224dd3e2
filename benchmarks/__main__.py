"""Run all benchmarks: `python -m benchmarks`, or those named: `python -m benchmarks overhead`."""

import os
import platform
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import jax

from benchmarks import overhead, steps

SUITES = {"overhead": overhead.run, "steps": steps.run}


def main(names: list[str]) -> None:
    """Print the machine, then each suite."""
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, jax {jax.__version__}, {jax.default_backend()}")
    for name in names or SUITES:
        print(f"\n{name}: {SUITES[name].__doc__}")
        SUITES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
