"""Programs kept on disk: a second process loads what the first one compiled."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from transforms import cache_programs

ROOT = Path(__file__).parent.parent
START = """
import collections, json, sys
import jax, jax.numpy as jnp
import transforms
events = collections.Counter()
jax.monitoring.register_event_listener(lambda event, **_: events.update([event.split("/")[-1]]))
print(transforms.cache_programs(sys.argv[1]), file=sys.stderr)
"""
PURE = """
def step(params, x):
    gradient = jax.grad(lambda params: ((x @ params["w"]) ** 2).sum())(params)
    return {"w": params["w"] - gradient["w"]}
result = transforms.jit(step)({"w": jnp.ones((3, 2))}, jnp.ones((4, 3)))["w"].sum()
"""
LIFTED = """
import fnn.pytorch as torch
from fnn.pytorch import nn, optim
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
optimizer = optim.SGD(net.parameters(), lr=0.1)
def step(x):
    optimizer.zero_grad()
    loss = net(x).sum()
    loss.backward()
    optimizer.step()
    return loss
result = transforms.jit(step)(torch.ones(2, 3)).item()
"""
END = "\nprint(json.dumps([float(result), events]))"
STEPS = {"pure": PURE, "lifted": LIFTED}


def process(directory, step):
    """The result of a step in a fresh process, and what was done for its programs."""
    command = [sys.executable, "-c", START + step + END, str(directory)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    result, events = json.loads(done.stdout)
    return result, events.get("cache_hits", 0), events.get("cache_misses", 0)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_second_process_loads_instead_of_compiling(tmp_path, step):
    directory = tmp_path / "programs"
    first, hits, misses = process(directory, step)
    assert misses > 0
    assert directory.stat().st_mode & 0o777 == 0o700
    second, loaded, compiled = process(directory, step)
    assert (second, compiled) == (first, 0)
    assert loaded >= hits + misses


@pytest.fixture
def switched_off():
    yield
    cache_programs(on=False)


@pytest.mark.usefixtures("switched_off")
def test_switching_on_and_off(tmp_path):
    options = ["jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs"]
    before = [getattr(jax.config, name) for name in options]
    first, second = tmp_path / "first", tmp_path / "second"
    assert cache_programs(first) == first.resolve()
    jax.jit(lambda x: x + 3)(1)
    assert any(first.iterdir())
    kept = len(list(first.iterdir()))
    cache_programs(second)
    jax.jit(lambda x: x + 4)(1)
    assert any(second.iterdir())
    assert cache_programs(on=False) is None
    jax.jit(lambda x: x + 5)(1)
    assert len(list(first.iterdir())) == kept
    assert [getattr(jax.config, name) for name in options] == before
    cache_programs(on=False)  # twice does no harm


@pytest.mark.usefixtures("switched_off")
def test_the_directory_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_programs() == (tmp_path / "cache" / "fnn").resolve()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_programs() == (tmp_path / ".cache" / "fnn").resolve()


MODES = {"group": 0o770, "others": 0o703, "all, sticky": 0o1777}


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no owners here")
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_a_directory_that_others_can_write_in_is_refused(tmp_path, mode):
    before = jax.config.jax_compilation_cache_dir
    directory = tmp_path / "open"
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(PermissionError, match=r"can be written in by others.*\nlikely cause"):
        cache_programs(directory)
    # Inside of one that others can write in, it could be exchanged; unless that is sticky.
    inner = directory / "inner"
    if mode == 0o703:
        with pytest.raises(PermissionError, match=f"{directory} can be written in by others"):
            cache_programs(inner)
    assert jax.config.jax_compilation_cache_dir == before


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no owners here")
def test_a_directory_of_somebody_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        cache_programs(tmp_path)


@pytest.mark.usefixtures("switched_off")
def test_readable_by_others_is_allowed(tmp_path):
    tmp_path.chmod(0o755)
    assert cache_programs(tmp_path) == tmp_path.resolve()
