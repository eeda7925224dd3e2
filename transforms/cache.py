"""Compiled programs that outlive the process.

    cache_programs()

From then on each program that XLA compiles is kept in a directory, and a later process that needs
the same one loads it instead. A cached program is machine code, and it is run without a question:
whoever can write in the directory can run code as you. So it has to be yours alone to write in.
"""

import os
import stat
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache.compilation_cache import reset_cache

SETTINGS = {  # small programs too
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}
OPEN = "can be written in by others"
_before: dict[str, Any] = {}


def cache_programs(directory: str | os.PathLike | None = None, *, on: bool = True) -> Path | None:
    """Keep compiled programs in a directory, and load those that are there; returns the directory.

    Without `directory` it is `$XDG_CACHE_HOME/fnn`, or `~/.cache/fnn`. It is made if there is none,
    for you alone (mode 0700). One that others can write in, or that belongs to somebody else, is
    refused with a `PermissionError`. It can be deleted at any time; don't share it between machines
    of different kinds. `cache_programs(on=False)` gives JAX the settings back that it had.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as temporary:
    ...     cache_programs(temporary) == Path(temporary).resolve()
    ...     cache_programs(on=False)
    True
    """
    if not on:
        set_options(_before)
        _before.clear()
        return None
    if directory is None:
        directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fnn"
    path = Path(directory).expanduser().resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    refuse_unsafe(path)
    options = {"jax_compilation_cache_dir": str(path), **SETTINGS}
    if not _before:
        _before.update({name: getattr(jax.config, name) for name in options})
    set_options(options)
    return path


def set_options(options: dict[str, Any]) -> None:
    """Set options of JAX, which reads them once unless it is told to begin anew."""
    for name, value in options.items():
        jax.config.update(name, value)
    reset_cache()


def refuse_unsafe(directory: Path) -> None:
    """Raise unless a directory is the user's, and nobody else can write in it or exchange it."""
    if not hasattr(os, "getuid"):  # a system without owners and modes
        return
    found = directory.stat()
    if found.st_uid != os.getuid():
        refuse(directory, directory, "belongs to somebody else", "give one of your own")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        refuse(directory, directory, OPEN, f"chmod go-w {directory}")
    for above in directory.parents:
        mode = above.stat().st_mode
        # In a sticky directory, such as /tmp, only owners can rename.
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            refuse(directory, above, OPEN, f"chmod o-w {above}")


def refuse(directory: Path, place: Path, what: str, remedy: str) -> None:
    """Say why programs can't be kept in a directory."""
    raise PermissionError(
        f"cache_programs: {place} {what}, so others could change the programs in {directory},"
        f" which run as you\nlikely cause: the directory is a shared one; {remedy}"
    )
