"""Rows of fnn.loss."""

from itertools import accumulate

from fnn import loss
from tests.table.example import Example
from tests.table.original import F, torch

WEIGHTS = {"weight": (0.5, 2.0), "pos_weight": (0.5, 2.0)}
PROBABILITIES = {"x": (0.05, 0.95), "target": (0, 1)}
SIGNS = {"target": (-1, 2)}
FEW = {"inputs": 6, "frequent": 3, "hidden": 2, "rare": 4}
EXAMPLES = [
    Example(loss.adaptive_log_softmax, sizes=FEW),
    Example(loss.adaptive_nll, sizes=FEW, ranges={"target": (0, 7)}),
    Example(loss.l1, ranges=WEIGHTS),
    Example(loss.l1_cost),
    Example(loss.mse, ranges=WEIGHTS),
    Example(loss.mse, {"reduction": "sum"}),
    Example(loss.weighted_mse),
    Example(loss.centre_crop_mse, sizes={"height": 2, "width": 3, "taller": 5, "wider": 3}),
    Example(loss.huber, {"delta": 0.4}, ranges=WEIGHTS),
    Example(loss.smooth_l1, {"beta": 0.4}),
    Example(loss.nll, ranges=WEIGHTS),
    Example(loss.nll, {"ignore_index": 1}, ranges=WEIGHTS),
    Example(loss.nll, {"reduction": "sum"}, {"*space": ()}),
    Example(loss.total_weight, ranges=WEIGHTS),
    Example(loss.cross_entropy, ranges=WEIGHTS),
    Example(loss.cross_entropy, {"label_smoothing": 0.2}, ranges=WEIGHTS),
    Example(loss.cross_entropy, {"reduction": "sum"}, {"*space": ()}),
    Example(loss.linear_cross_entropy, {"label_smoothing": 0.2}, {"*space": (2,)}, WEIGHTS),
    Example(loss.class_simplex),
    Example(loss.class_simplex_scores),
    Example(loss.bce, ranges=PROBABILITIES),
    Example(loss.bce, {"reduction": "sum"}, ranges=PROBABILITIES),
    Example(loss.bce, {"eps": 1e-12}, ranges=PROBABILITIES),
    Example(loss.bce_with_logits, ranges=WEIGHTS | {"x": (-9, 9), "target": (0, 1)}),
    Example(loss.bce_with_logits, {"reduction": "sum"}, ranges={"target": (0, 1)}),
    Example(loss.multi_label_soft_margin, ranges=WEIGHTS | {"target": (0, 1)}),
    Example(loss.soft_margin),
    Example(loss.hinge, {"margin": 0.3}),
    Example(loss.hinge_embedding, {"margin": 0.3}, ranges=SIGNS),
    Example(loss.margin_ranking, {"margin": 0.3}),
    Example(loss.multi_margin, ranges=WEIGHTS),
    Example(loss.multi_margin, {"p": 2, "margin": 0.3}),
    Example(loss.multi_label_margin, sizes={"...": (4,)}, ranges={"target": (-1, 3)}),
    Example(loss.cosine_embedding, {"margin": 0.2}, {"...": (4,)}, SIGNS),
    Example(loss.l1_hinge_embedding, {"margin": 4.0}, ranges=SIGNS),
    Example(loss.triplet_margin),
    Example(loss.triplet_margin, {"p": 3.0, "swap": True}),
    Example(loss.triplet_margin, {"p": 1.0, "margin": 4.0}),
    Example(loss.distance_ratio),
    Example(loss.kl_div, {"reduction": "sum"}, ranges={"target": (0.05, 0.95)}),
    Example(loss.kl_div, {"log_target": True, "reduction": "batchmean"}),
    Example(loss.gaussian_nll, {"full": True}, ranges={"variance": (0.5, 2.0)}),
    Example(loss.gaussian_kl),
    Example(loss.poisson_nll, {"full": True}, ranges={"target": (0, 4)}),
    Example(loss.poisson_nll, {"log_input": False}, ranges={"x": (0.5, 2)}),
    Example(
        loss.ctc,
        {"blank": 1},
        {"time": 7, "batch": 2, "classes": 4, "labels": 3},
        {"target": (2, 4), "input_lengths": (5, 8), "target_lengths": (1, 4)},
    ),
]


def torch_adaptive(params, *inputs, call=None):
    """PyTorch's adaptive log-softmax with these parameters; what it gives, or a method of it."""
    head, tails = params["head"]["weight"], params["tail"]
    bounds = [len(head) - len(tails)]
    bounds += accumulate((len(t["1"]["weight"]) for t in tails.values()), initial=bounds.pop())
    module = torch.nn.AdaptiveLogSoftmaxWithLoss(
        head.shape[1], bounds[-1], bounds[:-1], 1.0, head_bias="bias" in params["head"]
    )
    flat = {f"head.{name}": value for name, value in params["head"].items()}
    for i, tail in tails.items():
        flat |= {f"tail.{i}.{j}.weight": layer["weight"] for j, layer in tail.items()}
    if call:
        module.forward = getattr(module, call)
    return torch.func.functional_call(module, flat, inputs)


def torch_multi_label_margin(x, target):
    return F.multilabel_margin_loss(x, target.long())


TORCH = {
    loss.adaptive_log_softmax: lambda params, x: torch_adaptive(
        params, x.reshape(-1, x.shape[-1]), call="log_prob"
    ).reshape(*x.shape[:-1], -1),
    loss.adaptive_nll: lambda params, x, target: torch_adaptive(params, x, target.long()).loss,
    loss.l1: lambda x, target, weight=None: F.l1_loss(x, target, weight=weight),
    loss.huber: lambda x, target, weight=None, **hyper: F.huber_loss(
        x, target, weight=weight, **hyper
    ),
    loss.smooth_l1: F.smooth_l1_loss,
    loss.hinge_embedding: F.hinge_embedding_loss,
    loss.margin_ranking: F.margin_ranking_loss,
    loss.multi_label_margin: torch_multi_label_margin,
    loss.cosine_embedding: F.cosine_embedding_loss,
    loss.triplet_margin: F.triplet_margin_loss,
    loss.kl_div: F.kl_div,
    loss.gaussian_nll: F.gaussian_nll_loss,
    loss.poisson_nll: F.poisson_nll_loss,
}
