"""torch.backends: switches that programs set for PyTorch's sake. Nothing here reads them."""

from types import SimpleNamespace

__all__ = ["cudnn"]

cudnn = SimpleNamespace(
    enabled=True, benchmark=False, deterministic=False, allow_tf32=True, is_available=lambda: False
)
cuda = SimpleNamespace(matmul=SimpleNamespace(allow_tf32=False))
