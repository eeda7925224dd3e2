"""Guard rails for every test: nothing is promoted silently. And what makes them fast."""

import jax
import pytest

# XLA's older way to make code takes half the time for programs as small as these. Later versions
# of jax have no other, and refuse the flag. Two workers keep the cores busy without threads.
FLAGS = "--xla_cpu_parallel_codegen_split_count=1"
if jax.__version_info__ < (0, 11):
    FLAGS += " --xla_cpu_use_fusion_emitters=false"

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_enable_x64", False)


with pytest.MonkeyPatch.context() as patch:
    patch.setenv("XLA_FLAGS", FLAGS, prepend=" ")
    jax.devices()  # reads them; processes that tests start are as users' are


@pytest.fixture(scope="session", autouse=True)
def _programs(tmp_path_factory):
    """What many tests compile is compiled once by each worker."""
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("programs")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(autouse=True)
def _draws():
    """What a test draws depends on no test before it."""
    from fnn import pytorch, torch7  # not before jax has read the flags

    torch7.manualSeed(0)
    pytorch.manual_seed(0)


@pytest.fixture(autouse=True)
def _optimisations(request):
    """XLA compiles 4 times as fast for tests marked `unoptimised`, which need no speed."""
    unoptimised = "unoptimised" in request.node.keywords
    if unoptimised != jax.config.values["jax_disable_most_optimizations"]:
        jax.clear_caches()  # jax does not know programs of the one kind from those of the other
        jax.config.update("jax_disable_most_optimizations", unoptimised)
