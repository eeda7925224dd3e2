"""Dependencies point one way, and the packages stay light."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = sorted([*ROOT.glob("fnn/**/*.py"), *ROOT.glob("transforms/**/*.py")])
OTHERS = sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("benchmarks/**/*.py")])

# What stands on the pure topics, from the bottom up: a part imports itself and what is below it.
# Every part of fnn that isn't named here is a topic; `__init__` is fnn itself. Transforms know
# nothing of fnn.
TOWER = [
    {"layer"},
    {"compose", "optim"},
    {"parts"},
    {"graph", "tensor", "training"},
    {"shell", "__init__"},
    {"torch7", "pytorch"},
    {"demo"},
]
THIRD_PARTY = {"jax", "numpy"}
EXTRAS = {"demo": {"matplotlib", "tqdm"}, "torch7": {"matplotlib"}}


def height(part):
    return next((level for level, parts in enumerate(TOWER) if part in parts), -1)


def part_of(path):
    first, *rest = path.relative_to(ROOT).with_suffix("").parts
    return first if first == "transforms" else rest[0]


def imports(path):
    """Absolute names of all that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def allowed(part, name):
    package, target = name.split(".")[0], [*name.split("."), "__init__"][1]
    if package in sys.stdlib_module_names:
        return True
    if package == "transforms":
        return part == "transforms" or height(part) >= 0
    if package != "fnn":
        return package in THIRD_PARTY | EXTRAS.get(part, set())
    topics = height(part) == height(target) == -1
    return part != "transforms" and (part == target or topics or height(target) < height(part))


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PACKAGES, ids=name_of)
def test_imports_point_downwards(path):
    assert [name for name in imports(path) if not allowed(part_of(path), name)] == []


@pytest.mark.parametrize("path", [*PACKAGES, *OTHERS], ids=name_of)
def test_only_public_jax(path):
    assert [name for name in imports(path) if name.startswith("jax") and "._" in name] == []
    attributes = {
        n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)
    }
    assert "_src" not in attributes


def printed_by(*lines, **environment):
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=ROOT,
        env=os.environ | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_fnn_imports_no_facade():
    modules = printed_by("import sys, fnn", "print(*sys.modules)").split()
    assert "fnn" in modules
    assert not {"fnn.torch7", "fnn.pytorch"}.intersection(modules)


def test_fnn_adds_little_to_importing_jax(tmp_path):
    start, stop = (
        "import jax, time; start = time.process_time()",
        "print(time.process_time() - start)",
    )
    # Installed packages have their bytecode beside them; a checkout may be forbidden to keep any.
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    # The least of many: other processes can only make it look longer.
    assert any(float(printed_by(start, "import fnn", stop, **bytecode)) < 0.1 for _ in range(20))
