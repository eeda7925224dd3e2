"""Rows of fnn.norm."""

from fnn.norm import (
    batch_moments,
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)
from tests.table.example import Example
from tests.table.original import F

VARIANCE = {"running_var": (0.5, 2)}
EXAMPLES = [
    Example(batch_moments),
    Example(batch_norm, {"train": True}, ranges=VARIANCE),
    Example(batch_norm, {"train": False}, ranges=VARIANCE),
    Example(batch_norm, {"train": True, "momentum": 0.3, "eps": 0.1}, {"*space": ()}, VARIANCE),
    Example(batch_norm, {"train": True, "momentum": None}, {"*space": (4,)}, VARIANCE),
    Example(instance_norm, {"train": True, "momentum": 0.3}, {"*space": (4,)}, VARIANCE),
    Example(instance_norm, {"train": False, "eps": 0.1}, {"*space": (3, 2)}, VARIANCE),
    Example(group_norm, {"groups": 2}, {"features": 6}),
    Example(group_norm, {"groups": 4, "eps": 0.1}, {"features": 4, "*space": (3,)}),
    Example(layer_norm, sizes={"*shape": (6,)}),
    Example(layer_norm, {"dimensions": 2, "eps": 0.1}, {"*shape": (3, 4)}),
    Example(rms_norm, sizes={"*shape": (6,)}),
    Example(rms_norm, {"dimensions": 2, "eps": 0.1}, {"*shape": (3, 4)}),
]


def torch_batch_norm(params, state, x, train, momentum=0.1, eps=1e-5):
    count = state["num_batches_tracked"] + train if state else 1
    momentum = 1 / int(count) if momentum is None else momentum
    mean, var = torch_statistics(state)
    y = F.batch_norm(
        x, mean, var, **params, training=train or not state, momentum=momentum, eps=eps
    )
    return y, state and {"num_batches_tracked": count, "running_mean": mean, "running_var": var}


def torch_instance_norm(params, state, x, train, **options):
    mean, var = torch_statistics(state)
    y = F.instance_norm(x, mean, var, **params, use_input_stats=train or not state, **options)
    return y, state and {"running_mean": mean, "running_var": var}


def torch_statistics(state):
    return [state[name].clone() if state else None for name in ("running_mean", "running_var")]


def torch_last(apply):
    return lambda params, x, dimensions=1, **options: apply(
        x, x.shape[-dimensions:], **params, **options
    )


TORCH = {
    batch_norm: torch_batch_norm,
    instance_norm: torch_instance_norm,
    group_norm: lambda params, x, groups, **options: F.group_norm(x, groups, **params, **options),
    layer_norm: torch_last(F.layer_norm),
    rms_norm: torch_last(F.rms_norm),
}
