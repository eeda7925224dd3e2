"""Rows of fnn.distance."""

from fnn import distance
from tests.table.example import Example
from tests.table.original import F, torch

EXAMPLES = [
    Example(distance.euclidean),
    Example(distance.weighted_euclidean),
    Example(distance.cosine),
    Example(distance.dot_product),
    Example(distance.cosine_similarity),
    Example(distance.cosine_similarity, {"eps": 1.4}, differentiable=False),
    Example(distance.cosine_similarity, {"squared": True, "eps": 0.1}),
    Example(distance.pairwise_distance),
    Example(distance.pairwise_distance, {"p": 3.0, "eps": 0.01, "keepdims": True}),
    Example(distance.pairwise_distance, {"p": 1.0}),
    Example(distance.pairwise_distance, {"p": float("inf")}),
    Example(distance.distance_matrix),
    Example(distance.distance_matrix, {"p": 1.5}),
    Example(distance.distance_matrix, {"p": float("inf")}),
    Example(distance.point_distances),
    Example(distance.point_distances, {"p": float("inf")}),
    Example(distance.nearest_centroid),
    Example(distance.centroid_members),
    Example(distance.centroid_shift),
]


def torch_cosine_similarity(x, y, axis=-1, eps=1e-8, squared=False):
    if squared:
        lengths = ((x * x).sum(axis) + eps) * ((y * y).sum(axis) + eps)
        return (x * y).sum(axis) / lengths.sqrt()
    return F.cosine_similarity(x, y, axis, eps)


def torch_euclidean(params, x, eps=1e-7):
    y = torch.norm(x[..., None] - params["weight"], dim=-2)
    known = y.detach()
    return known + (y - known) * known / (known + eps)  # gradients divide by y + eps


TORCH = {
    distance.euclidean: torch_euclidean,
    distance.cosine_similarity: torch_cosine_similarity,
    distance.pairwise_distance: lambda x, y, p=2.0, eps=1e-6, keepdims=False: F.pairwise_distance(
        x, y, p, eps, keepdims
    ),
    distance.distance_matrix: lambda x, y, p=2.0: torch.cdist(
        x, y, p, "donot_use_mm_for_euclid_dist"
    ),
    distance.point_distances: F.pdist,
}
