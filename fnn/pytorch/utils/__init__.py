"""torch.utils."""

from fnn.pytorch.utils import data

__all__ = ["data"]
