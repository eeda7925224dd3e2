"""torch.utils.data: data sets, the order in which they are read, and batches."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from typing import Any

import numpy as np

from fnn.pytorch import dtypes
from fnn.pytorch.creation import made, tensor
from fnn.pytorch.random import Generator, default_generator, multinomial, randint, randperm
from fnn.pytorch.rearranging import stack
from fnn.pytorch.tensor import Tensor
from fnn.tensor.run import known
from fnn.tensor.types import from_data

__all__ = [
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "random_split",
]


class Dataset:
    """Examples by number: a subclass has `__getitem__` and `__len__`."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Examples one after the other: a subclass has `__iter__`."""


class TensorDataset(Dataset):
    """Example i is what the tensors have at i."""

    def __init__(self, *tensors: Tensor):
        if any(len(t) != len(tensors[0]) for t in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class ConcatDataset(Dataset):
    """Data sets one after the other."""

    def __init__(self, datasets: Iterable[Any]):
        self.datasets = list(datasets)
        self.cumulative_sizes = list(accumulate(map(len, self.datasets)))

    def __getitem__(self, index: int) -> Any:
        at = index + len(self) if index < 0 else index
        i = bisect.bisect_right(self.cumulative_sizes, at)
        return self.datasets[i][at - (self.cumulative_sizes[i - 1] if i else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class Subset(Dataset):
    """The examples at some indices of a data set."""

    def __init__(self, dataset: Any, indices: Sequence[int]):
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Any, lengths: Sequence[float], generator: Generator | None = None
) -> list[Subset]:
    """Parts of a data set, by numbers of examples or by shares that sum to 1."""
    count, sizes = len(dataset), list(lengths)
    if abs(sum(sizes) - 1) < 1e-9:
        sizes = [int(count * share) for share in sizes]
        for i in range(count - sum(sizes)):
            sizes[i % len(sizes)] += 1
    if sum(sizes) != count:
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    order = randperm(count, generator=generator).tolist()
    ends = list(accumulate(sizes))
    return [
        Subset(dataset, order[end - int(size) : end]) for end, size in zip(ends, sizes, strict=True)
    ]


class Sampler:
    """The order in which examples are read: a subclass has `__iter__`."""


class SequentialSampler(Sampler):
    """One after the other."""

    def __init__(self, data_source: Any):
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """In random order, each once; or each time any one, with `replacement`."""

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ):
        self.data_source, self.replacement = data_source, replacement
        self.num_samples = len(data_source) if num_samples is None else num_samples
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        generator = self.generator or Generator().manual_seed(draw_seed(None))
        count, left = len(self.data_source), self.num_samples
        while left > 0:
            if self.replacement:
                found = randint(count, (min(32, left),), generator=generator)
            else:
                found = randperm(count, generator=generator)[:left]
            yield from found.tolist()
            left -= len(found)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """Some indices in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None):
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        order = randperm(len(self.indices), generator=self.generator).tolist()
        return (self.indices[i] for i in order)

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Indices in proportion to weights."""

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ):
        self.weights = tensor(weights, dtype=dtypes.float64)
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def __iter__(self) -> Iterator[int]:
        options = {"generator": self.generator}
        found = multinomial(self.weights, self.num_samples, self.replacement, **options)
        return iter(found.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of so many indices; the last may be shorter, or is left out."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool):
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        rest = iter(self.sampler)
        while batch := list(islice(rest, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        whole, more = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + (more > 0 and not self.drop_last)


def draw_seed(generator: Generator | None) -> int:
    """A seed, drawn as PyTorch draws it."""
    return int((generator or default_generator).stream.integers((), 0, 2**63))


class DataLoader:
    """Batches of a data set; `len` says how many. Each loop over it draws a new order.

    Batches are made in this process, when they are asked for; `pin_memory` has no meaning here.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        *,
        generator: Generator | None = None,
    ):
        if num_workers:
            raise ValueError(
                f"num_workers={num_workers}: batches are made in this process, so give 0"
            )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler or drop_last):
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                "and drop_last"
            )
        if batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if isinstance(dataset, IterableDataset):
            if shuffle or sampler is not None or batch_sampler is not None:
                raise ValueError("an IterableDataset has its own order: no shuffle, no sampler")
        elif sampler is None:
            sampler = (
                RandomSampler(dataset, generator=generator)
                if shuffle
                else SequentialSampler(dataset)
            )
        if batch_sampler is None and batch_size is not None:
            order = dataset if sampler is None else sampler
            batch_sampler = BatchSampler(order, batch_size, drop_last)
        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self.sampler, self.batch_sampler, self.generator = sampler, batch_sampler, generator
        self.collate_fn = collate_fn or (default_collate if batch_sampler else default_convert)

    def __iter__(self) -> Iterator[Any]:
        draw_seed(self.generator)  # PyTorch's workers would be given it
        return self._batches()

    def _batches(self) -> Iterator[Any]:
        if self.batch_sampler is None:
            found = self.dataset if self.sampler is None else map(self._one, self.sampler)
            yield from map(self.collate_fn, found)
        else:
            for batch in self.batch_sampler:
                yield self.collate_fn(
                    batch if self.sampler is None else [self.dataset[i] for i in batch]
                )

    def _one(self, index: int) -> Any:
        return self.dataset[index]

    def __len__(self) -> int:
        if self.batch_sampler is None:
            return len(self.dataset if self.sampler is None else self.sampler)
        return len(self.batch_sampler)


def default_collate(batch: Sequence[Any]) -> Any:
    """Examples as one: tensors, arrays and numbers stacked, inside dicts and sequences too."""
    first = batch[0]
    if isinstance(first, Tensor):
        found = stacked(batch)
        return stack(batch) if found is None else made(from_data(found, found.dtype))
    if isinstance(first, np.ndarray | np.generic):
        return tensor(np.stack(batch))
    if isinstance(first, int | float):
        return tensor(batch, dtype=dtypes.float64 if isinstance(first, float) else None)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return type(first)({key: default_collate([x[key] for x in batch]) for key in first})  # type: ignore[call-arg]
    if isinstance(first, Sequence):
        if any(len(x) != len(first) for x in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        parts = [default_collate(part) for part in zip(*batch, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )


def stacked(batch: Sequence[Tensor]) -> np.ndarray | None:
    """Tensors along a new axis, if they can be read in the host's memory, where they lie."""
    first = batch[0]
    storages = {x.storage for x in batch}
    if (
        first.is_cuda
        or any(x.requires_grad or x.geometry.size != first.geometry.size for x in batch)
        or not all(map(known, storages))
    ):
        return None
    if len(storages) > 1 or any(x.geometry.stride != first.geometry.stride for x in batch):
        return np.stack([x._peek() for x in batch])
    memory = np.asarray(first.storage.array).reshape(-1)
    within = np.zeros(first.geometry.size, np.int64)
    for axis, step in enumerate(first.geometry.stride):
        within += step * np.arange(within.shape[axis]).reshape(-1, *[1] * (within.ndim - axis - 1))
    return memory[np.add.outer([x.geometry.offset for x in batch], within)]


def default_convert(example: Any) -> Any:
    """An example with tensors in the place of its arrays."""
    return tensor(example) if isinstance(example, np.ndarray | np.generic) else example
