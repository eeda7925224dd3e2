"""Data sets, samplers, batches; the order of shuffling is PyTorch's for a seed."""

from collections import namedtuple

import numpy as np
import pytest

import fnn.pytorch as torch
from fnn.pytorch.utils import data

try:
    import torch as theirs
    from torch.utils import data as their_data
except ImportError:
    theirs = their_data = None

needs_torch = pytest.mark.skipif(theirs is None, reason="torch is not installed")
BOTH = ((torch, data), (theirs, their_data))


class Squares(data.Dataset):
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return torch.tensor([float(index)]), index**2


class Counting(data.IterableDataset):
    def __iter__(self):
        return iter(range(7))


def test_batches_of_a_tutorial():
    loader = data.DataLoader(Squares(1000), batch_size=32, shuffle=True)
    batches = list(loader)
    assert len(loader) == len(batches) == 32
    assert [tuple(x.shape) for x, _ in batches] == [(32, 1)] * 31 + [(8, 1)]
    numbers = torch.cat([x.view(-1) for x, _ in batches])
    assert sorted(numbers.tolist()) == list(range(1000))
    assert numbers.tolist() != sorted(numbers.tolist())
    assert all(y.dtype == torch.int64 and (x.view(-1) ** 2 == y).all() for x, y in batches)


TWENTY = list(range(20))
ORDERS = [
    "DataLoader(list(range(50)), 7, shuffle=True)",
    "DataLoader(list(range(50)), 7, shuffle=True, drop_last=True)",
    "DataLoader(list(range(10)), 3)",
    "DataLoader(list(range(10)), 3, drop_last=True)",
    "DataLoader(TWENTY, 4, shuffle=True, generator=g)",
    "DataLoader(TWENTY, batch_size=None)",
    "DataLoader(TWENTY, 5, sampler=data.RandomSampler(TWENTY, True, 70))",
    "DataLoader(TWENTY, 5, sampler=data.RandomSampler(TWENTY, num_samples=45))",
    "DataLoader(TWENTY, 5, sampler=data.SubsetRandomSampler([3, 5, 8, 1]))",
    "DataLoader(TWENTY, batch_sampler=data.BatchSampler(TWENTY, 6, False))",
    "DataLoader(TWENTY, batch_sampler=data.BatchSampler(data.RandomSampler(TWENTY), 6, True))",
    "DataLoader(data.Subset(TWENTY, [4, 2, 9]), 2)",
    "DataLoader(data.ConcatDataset([list(range(5)), list(range(9))]), 4, shuffle=True)",
    "DataLoader(data.TensorDataset(torch.arange(6), torch.ones(6, 2)), 4, shuffle=True)",
    "DataLoader(data.random_split(TWENTY, [15, 5])[0], 4)",
    "DataLoader(data.random_split(list(range(11)), [0.5, 0.3, 0.2], generator=g)[1], 4)",
    "DataLoader(list(range(6)), 3, collate_fn=lambda batch: sum(batch))",
]


def plain(x):
    """Tensors as lists."""
    if isinstance(x, list | tuple):
        return [plain(part) for part in x]
    return x.tolist() if hasattr(x, "tolist") else x


@needs_torch
@pytest.mark.parametrize("code", ORDERS)
def test_order_is_pytorch_s(code):
    seen = []
    for library, module in BOTH:
        library.manual_seed(11)
        g = library.Generator()
        g.manual_seed(5)
        loader = eval(f"data.{code}", {"torch": library, "data": module, "g": g, "TWENTY": TWENTY})
        epochs = [plain(list(loader)) for _ in range(3)]
        seen.append((len(loader), epochs, library.rand(3).tolist()))
    assert seen[0] == seen[1]


def test_order_for_a_seed():
    torch.manual_seed(42)
    (batch,) = data.DataLoader(list(range(10)), 10, shuffle=True)
    assert batch.tolist() == [8, 0, 9, 1, 4, 5, 6, 3, 2, 7]


Point = namedtuple("Point", "x y")
COLLATED = [
    "[1, 2, 3]",
    "[1.5, 2.0]",
    "[True, False]",
    "['a', 'b']",
    "[(1, 2.0), (3, 4.0)]",
    "[[1, 'a'], [2, 'b']]",
    "[{'x': 1, 'y': torch.ones(2)}, {'x': 2, 'y': torch.zeros(2)}]",
    "[Point(1, 2.0), Point(3, 4.0)]",
    "[np.ones(2), np.zeros(2)]",
    "[np.float32(1), np.float32(2)]",
    "[np.ones((2, 2), np.float32), np.zeros((2, 2), np.float32)]",
    "[torch.arange(3), torch.arange(3)]",
    "[torch.tensor(1.0), torch.tensor(2.0)]",
    "[torch.arange(6).view(2, 3).t()[1], torch.arange(6).view(2, 3)[:, 2]]",
    "[(torch.ones(2), [1, (2, 3)]), (torch.ones(2), [4, (5, 6)])]",
]


@needs_torch
@pytest.mark.parametrize("batch", COLLATED)
def test_collation_is_pytorch_s(batch):
    names = {"np": np, "Point": Point}
    found = data.default_collate(eval(batch, {**names, "torch": torch}))
    wanted = their_data.default_collate(eval(batch, {**names, "torch": theirs}))
    assert repr(found) == repr(wanted)


def test_gradients_flow_through_collation():
    w = torch.ones(2, requires_grad=True)
    data.default_collate([w * 2, w * 3]).sum().backward()
    assert w.grad.tolist() == [5.0, 5.0]


def test_other_data_sets():
    assert [len(part) for part in data.random_split(range(11), [0.5, 0.3, 0.2])] == [6, 3, 2]
    joined = Squares(3) + Squares(4)
    assert (len(joined), joined[4][1], joined[-1][1]) == (7, 1, 9)
    assert [b.tolist() for b in data.DataLoader(Counting(), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    weighted = data.WeightedRandomSampler([0.0, 1.0, 0.0], 5)
    assert list(weighted) == [1] * 5
    assert len(data.TensorDataset(torch.ones(4, 2), torch.ones(4))) == 4


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"shuffle": True, "sampler": [0]}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"num_workers": 2}, "batches are made in this process"),
    ],
)
def test_options_that_exclude_each_other(options, text):
    with pytest.raises(ValueError, match=text):
        data.DataLoader([1, 2], **options)


def test_examples_that_do_not_fit_together():
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        data.default_collate([torch.ones(2), torch.ones(3)])
    with pytest.raises(RuntimeError, match="of equal size"):
        data.default_collate([[1], [1, 2]])
    with pytest.raises(TypeError, match="default_collate"):
        data.default_collate([object()])
    with pytest.raises(AssertionError, match="Size mismatch"):
        data.TensorDataset(torch.ones(2), torch.ones(3))
