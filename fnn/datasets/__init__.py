"""Small real data that ships inside the package: no network, no cache, the same numbers always."""

from fnn.datasets.digits import Digits, digits

__all__ = ["Digits", "digits"]
