"""The names by which the tape shows its operations: `<AddmmBackward0>`."""

from functools import lru_cache
from typing import Any

# What PyTorch calls the way back where that is not the name of the pure function.
BACK_NAMES = {
    "absolute": "AbsBackward0",
    "add_scaled": "AddBackward0",
    "arctan2": "Atan2Backward0",
    "assigned": "CopyBackwards",
    "batch_matmul": "BmmBackward0",
    "batched": "UnsafeViewBackward0",
    "batch_norm": "NativeBatchNormBackward0",
    "broadcast_to": "ExpandBackward0",
    "cast": "ToCopyBackward0",
    "clamp": "ClampBackward1",
    "chosen": "WhereBackward0",
    "conv": "ConvolutionBackward0",
    "copied": "CloneBackward0",
    "cross_entropy_loss": "NllLossBackward0",
    "dropout": "MulBackward0",
    "expand_dims": "UnsqueezeBackward0",
    "flatten": "ViewBackward0",
    "einsum_of": "BmmBackward0",
    "hard_tanh": "HardtanhBackward0",
    "index_in_dim": "SelectBackward0",
    "integer_pow": "PowBackward0",
    "joined": "CatBackward0",
    "layer_norm": "NativeLayerNormBackward0",
    "linear": "AddmmBackward0",
    "masked": "MaskedFillBackward0",
    "matmul": "MmBackward0",
    "matrix_transpose": "TBackward0",
    "matvec": "MvBackward0",
    "max": "MaxBackward1",
    "max_along": "MaxBackward0",
    "max_pool": "MaxPool2DWithIndicesBackward0",
    "mean axis": "MeanBackward1",
    "min": "MinBackward1",
    "min_along": "MinBackward0",
    "mse": "MseLossBackward0",
    "multiply": "MulBackward0",
    "negative": "NegBackward0",
    "nll": "NllLossBackward0",
    "norm": "LinalgVectorNormBackward0",
    "placed": "CopySlices",
    "power": "PowBackward1",
    "repeated": "RepeatBackward0",
    "reshape": "ViewBackward0",
    "slice_in_dim": "SliceBackward0",
    "sort_along": "SortBackward0",
    "stacked": "StackBackward0",
    "subtract_scaled": "SubBackward0",
    "subtract": "SubBackward0",
    "sum axis": "SumBackward1",
    "swapaxes": "TransposeBackward0",
    "take_at": "IndexBackward0",
    "tensordot": "UnsafeViewBackward0",
    "transpose": "PermuteBackward0",
    "true_divide": "DivBackward0",
    "zeros_like": "ZeroBackward0",
}


@lru_cache(4096)
def back_name(function: Any, axis: bool = False) -> str:
    """The name of the way back of a function, or of a network's last function."""
    while inner := (
        getattr(function, "layer", None)
        or getattr(function, "function", None)
        or dict(getattr(function, "children", ()))
    ):
        function = list(inner.values())[-1] if isinstance(inner, dict) else inner
    name = getattr(function, "__name__", type(function).__name__)
    derived = "".join(part.capitalize() for part in name.split("_")) + "Backward0"
    found = BACK_NAMES.get(name, derived)
    return BACK_NAMES.get(f"{name} axis", found) if axis else found
