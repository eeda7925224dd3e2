"""Rows of fnn.resize."""

from fnn.resize import affine_grid, grid_sample, resize
from tests.table.example import Example
from tests.table.original import F

FLAT = {"...": (2, 2), "*space": (4, 5)}
DEEP = {"...": (1, 2), "*space": (2, 3, 4)}
POINTS = {"*space": (3, 4), "*points": (2, 3), "dimensions": 2}
GRID = {"grid": (-1.6, 1.6)}
EXAMPLES = [
    Example(resize, {"scale": (2, 3)}, FLAT),
    Example(resize, {"size": (7,)}, {"...": (2, 2), "*space": (5,)}),
    Example(resize, {"size": (3, 8), "mode": "nearest-exact"}, FLAT),
    Example(resize, {"scale": (1.7,), "mode": "linear"}, {"...": (2, 2), "*space": (5,)}),
    Example(resize, {"scale": (1.7, 0.6), "mode": "linear", "recompute_scale": True}, FLAT),
    Example(resize, {"size": (5, 2, 7), "mode": "linear", "align_corners": True}, DEEP),
    Example(resize, {"size": (7, 3), "mode": "cubic"}, FLAT),
    Example(resize, {"scale": (2, 1.5), "mode": "cubic", "align_corners": True}, FLAT),
    Example(resize, {"size": (2, 7), "mode": "linear", "antialias": True}, FLAT),
    Example(resize, {"size": (3, 2), "mode": "cubic", "antialias": True}, FLAT),
    Example(resize, {"size": (3, 2), "mode": "area"}, FLAT),
    Example(grid_sample, {}, POINTS, GRID),
    Example(grid_sample, {"outside": "border", "align_corners": True}, POINTS, GRID),
    Example(grid_sample, {"outside": "reflection"}, POINTS, GRID),
    Example(grid_sample, {"mode": "nearest", "outside": "border"}, POINTS, GRID),
    Example(grid_sample, {"mode": "cubic"}, POINTS, GRID),
    Example(
        grid_sample,
        {"mode": "cubic", "outside": "reflection", "align_corners": True},
        POINTS,
        {**GRID, "x": (-0.5, 0.5)},  # less steep: a place is rounded, and a value by its slope
    ),
    Example(
        grid_sample,
        {"align_corners": True},
        {"*space": (2, 3, 2), "*points": (1, 2, 3), "dimensions": 3},
        GRID,
    ),
    Example(affine_grid, {"size": (2, 3)}, {"dimensions": 2}),
    Example(affine_grid, {"size": (2, 4, 3), "align_corners": True}, {"dimensions": 3}),
]

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def torch_resize(
    x, size=None, scale=None, mode="nearest", align_corners=None, recompute_scale=None, **options
):
    mode = {"linear": LINEAR[len(size or scale)], "cubic": "bicubic"}.get(mode, mode)
    return F.interpolate(x, size, scale, mode, align_corners, recompute_scale, **options)


def torch_grid_sample(x, grid, mode="linear", outside="zeros", align_corners=False):
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    return F.grid_sample(x, grid, mode, outside, align_corners)


TORCH = {
    resize: torch_resize,
    grid_sample: torch_grid_sample,
    affine_grid: lambda theta, size, align_corners=False: F.affine_grid(
        theta, (len(theta), 1, *size), align_corners
    ),
}
