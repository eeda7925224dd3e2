"""Criterions beyond the numbers of the original: fields, errors, composition, compiled use."""

import re

import numpy as np
import pytest

import fnn.torch7 as torch
import transforms
from fnn.torch7 import nn
from tests.torch7_numbers import same

pytestmark = pytest.mark.unoptimised

LOGS = torch.Tensor([[-1, -2, -3, -4], [-4, -3, -2, -1]])
LABELS = torch.Tensor([1, 3])
X, Y = torch.Tensor([1, 2, 3]), torch.Tensor([3, 2, 1])


def test_size_average_is_read_at_every_call():
    mse = nn.MSECriterion()
    means = mse.forward(X, Y), mse.backward(X, Y).clone()
    mse.sizeAverage = False
    assert mse.forward(X, Y) == 3 * means[0]
    np.testing.assert_allclose(mse.backward(X, Y), 3 * np.asarray(means[1]))
    mse.sizeAverage = None  # nil is no false
    assert mse.forward(X, Y) == means[0]


def test_distances_are_averaged_over_the_batch():
    criterion, x = nn.DistanceRatioCriterion(), torch.Tensor(2, 3).fill(1)
    each = np.log1p(np.exp(-1))
    assert criterion.forward([x, x * 2]) == pytest.approx(3 * each)
    near, far = criterion.backward([x, x * 2])
    np.testing.assert_allclose(near, np.full((2, 3), 1 / (1 + np.e) / 2))
    assert near.equal(-far)


def test_margin_and_power_are_read_at_every_call():
    criterion = nn.MultiMarginCriterion()
    criterion.margin, criterion.p = 2, 2
    wanted = nn.MultiMarginCriterion(2, None, 2).forward(LOGS, LABELS)
    assert criterion.forward(LOGS, LABELS) == wanted


def test_gradients_stay_in_their_tensors():
    mse, cosine = nn.MSECriterion(), nn.CosineEmbeddingCriterion()
    held, (first, second) = mse.gradInput, cosine.gradInput
    assert mse.backward(X, Y) is held
    assert cosine.backward([X, Y], 1)[1] is first
    assert cosine.gradInput[2] is second


def test_a_call_gives_the_loss_and_its_gradient():
    loss, gradient = nn.AbsCriterion()(X, Y)
    assert loss == pytest.approx(4 / 3)
    assert str(gradient) == str(nn.AbsCriterion().backward(X, Y))


def test_the_number_of_weights_is_the_length_and_says_nothing_of_truth():
    weights = torch.Tensor([1, 2, 3, 4])
    for kind in (nn.ClassNLLCriterion, nn.SpatialClassNLLCriterion, nn.BCECriterion):
        assert len(kind(weights)) == 4
        assert len(kind()) == 0
        assert kind()


@pytest.mark.parametrize(("x", "target"), [(LOGS, [3, 3]), (LOGS[1], 3)])
def test_ignored_labels_alone_cost_nothing(x, target):
    criterion = nn.ClassNLLCriterion(None, True, 3)
    target = torch.Tensor(target) if isinstance(target, list) else target
    assert criterion.forward(x, target) == 0
    assert not np.asarray(criterion.backward(x, target)).any()


def test_labels_of_any_type_and_shape():
    criterion = nn.ClassNLLCriterion()
    wanted = criterion.forward(LOGS, LABELS)
    for labels in (LABELS.long(), LABELS.byte(), LABELS.view(2, 1), np.array([1, 3])):
        assert criterion.forward(LOGS, labels) == wanted
    assert criterion.forward(LOGS[1], 2) == criterion.forward(LOGS[1], torch.Tensor([2])) == 2


def test_what_is_ignored_has_no_weight():
    criterion = nn.ClassNLLCriterion(torch.Tensor([1, 2, 3, 4]), True, 3)
    assert criterion.forward(LOGS, LABELS) == 1
    assert same(criterion.total_weight_tensor, [1])
    assert str(criterion.target) == str(LABELS.long())


def test_cross_entropy_is_two_modules():
    criterion = nn.CrossEntropyCriterion(torch.Tensor([1, 2, 3, 4]))
    loss = criterion.forward(LOGS, LABELS)
    logs = nn.LogSoftMax().forward(LOGS)
    assert loss == nn.ClassNLLCriterion(criterion.nll.weights).forward(logs, LABELS)
    assert criterion.lsm.output.tolist() == logs.tolist()
    assert criterion.nll.total_weight_tensor.tolist() == [4]
    criterion.sizeAverage = False
    assert criterion.forward(LOGS, LABELS) == pytest.approx(4 * loss)
    criterion.nll.sizeAverage = True  # changed alone, it stays
    assert criterion.forward(LOGS, LABELS) == pytest.approx(loss)


def test_cross_entropy_of_maps_of_one_place():
    criterion = nn.CrossEntropyCriterion()
    loss, gradient = criterion(LOGS, LABELS)
    other, found = nn.CrossEntropyCriterion()(LOGS.view(2, 4, 1, 1), LABELS.view(2, 1, 1))
    assert other == loss
    assert found.isSize([2, 4, 1, 1])
    assert found.view(2, 4).tolist() == gradient.tolist()


def test_corners_of_a_simplex():
    criterion = nn.ClassSimplexCriterion(4)
    corners = criterion.simplex
    wanted = np.full((4, 4), -1 / 3) + np.eye(4) * 4 / 3
    np.testing.assert_allclose(corners * corners.t(), wanted, atol=1e-12)
    assert corners.select(2, 4).abs().max() == 0
    assert criterion.forward(corners, torch.Tensor([1, 2, 3, 4])) == pytest.approx(0, abs=1e-12)
    assert criterion.getTopPrediction(corners).tolist() == [1, 2, 3, 4]
    assert criterion.getPredictions(corners[2]).isSize([1, 4])


def test_weights_of_several_criterions_are_read_at_every_call():
    for criterion, x, y in (
        (nn.MultiCriterion(), X, Y),
        (nn.ParallelCriterion(True), [X, X], Y),
        (nn.ParallelCriterion(), [X, X], [Y, Y]),
    ):
        assert criterion.add(nn.MSECriterion()).add(nn.AbsCriterion(), 3) is criterion
        assert criterion.forward(x, y) == pytest.approx(8 / 3 + 3 * 4 / 3)
        criterion.weights[2] = 0
        assert criterion.forward(x, y) == pytest.approx(8 / 3)
        assert criterion.criterions[2].output == pytest.approx(4 / 3)
    assert criterion.backward(x, y)[2].abs().max() == 0


def test_several_criterions_of_tables():
    pair, target = [X, Y], torch.Tensor([1, -1, 1])
    ranking = nn.MarginRankingCriterion()
    assert [list(g.size()) for g in ranking.gradInput] == [[1], [1]]  # the original writes to them
    criterion = nn.MultiCriterion().add(ranking).add(ranking.clone(), 0.5)
    gradients = criterion.backward(pair, target)
    for ours, single in zip(gradients, ranking.backward(pair, target), strict=True):
        np.testing.assert_allclose(ours, 1.5 * np.asarray(single))
    outer = nn.ParallelCriterion().add(criterion, 2).add(nn.MSECriterion())
    assert outer.forward([pair, X], [target, X]) == pytest.approx(
        2 * 1.5 * ranking.forward(pair, target)
    )
    (first, _), last = outer.backward([pair, X], [target, X])
    assert first.tolist() == (gradients[1] * 2).tolist()
    assert last.abs().max() == 0


class Doubled(nn.Criterion):
    """Twice the sum of what the input has too much."""

    def updateOutput(self, input, target):
        self.output = 2 * (input - target).sum()
        return self.output

    def updateGradInput(self, input, target):
        self.gradInput.resizeAs(input).fill(2)
        return self.gradInput


def test_a_criterion_in_its_own_words():
    criterion = nn.MultiCriterion().add(Doubled(), 0.5).add(nn.MSECriterion())
    assert Doubled().forward(X, Y - 1) == 6
    assert criterion.forward(X, X - 1) == 3 + 1
    np.testing.assert_allclose(criterion.backward(X, X - 1), 1 + 2 / 3 * np.ones(3))
    assert str(Doubled()) == "nn.Doubled"


def test_modules_before_a_criterion():
    criterion = nn.ModuleCriterion(nn.MSECriterion(), nn.Tanh(), nn.Sigmoid())
    loss, gradient = criterion(X, Y)
    alone = nn.MSECriterion()
    x, y = nn.Tanh().forward(X), nn.Sigmoid().forward(Y)
    assert loss == alone.forward(x, y)
    tanh = nn.Tanh()
    tanh.forward(X)
    np.testing.assert_allclose(gradient, tanh.backward(X, alone.backward(x, y)))
    assert nn.ModuleCriterion(alone).forward(X, Y) == alone.output == alone.forward(X, Y)
    with pytest.warns(UserWarning, match="parameter updates"):
        nn.ModuleCriterion(nn.MSECriterion(), nn.Linear(3, 3))


def test_conversion_reaches_all_parts():
    weights = torch.Tensor([1, 2, 3, 4])
    inner = nn.CrossEntropyCriterion(weights.clone())
    criterion = nn.ParallelCriterion().add(inner)
    assert criterion.float() is criterion
    assert inner.nll.weights.type() == "torch.FloatTensor"
    loss = criterion.forward([LOGS.float()], [LABELS])
    assert loss == pytest.approx(nn.CrossEntropyCriterion(weights).forward(LOGS, LABELS), 1e-6)
    assert criterion.backward([LOGS.float()], [LABELS])[1].type() == "torch.FloatTensor"
    module = nn.Sequential().add(nn.CriterionTable(criterion)).double()
    assert inner.nll.weights.type() == module.type() == "torch.DoubleTensor"
    for name in ("cudaDouble", "cudaHalf", "cuda"):
        getattr(criterion, name)()
    assert inner.nll.weights.type() == "torch.FloatTensor"


def test_a_network_that_ends_in_a_criterion_needs_no_gradient():
    both = nn.ParallelTable().add(nn.Linear(5, 3)).add(nn.Identity())
    net = nn.Sequential().add(both).add(nn.CriterionTable(nn.MSECriterion()))
    given, losses = [torch.ones(5), torch.ones(3)], []
    for _ in range(3):
        losses.append(net.forward(given))
        net.zeroGradParameters()
        net.backward(given)
        net.updateParameters(0.05)
    assert losses[2] < losses[1] < losses[0]


def test_the_module_of_targets_may_keep_its_type():
    for cast in (True, False):
        x, y = nn.Linear(3, 3), nn.Linear(3, 3)
        with pytest.warns(UserWarning, match="updates"):
            criterion = nn.ModuleCriterion(nn.MSECriterion(), x, y, cast).float()
        assert x.weight.type() == "torch.FloatTensor"
        assert (y.weight.type() == "torch.FloatTensor") == cast
        assert criterion.targetModule is y


def test_clones_share_nothing():
    criterion = nn.ClassNLLCriterion(torch.Tensor([1, 2, 3, 4]))
    criterion.forward(LOGS, LABELS)
    other = criterion.clone()
    other.weights.fill(1)
    assert other.output == criterion.output
    assert same(criterion.weights, [1, 2, 3, 4])


IMAGES = torch.Tensor(2, 4, 2, 2)
MISTAKES = [
    (nn.ClassNLLCriterion(), LOGS, torch.Tensor([0, 3]), "given 0, wanted 1..4"),
    (nn.ClassNLLCriterion(), LOGS, torch.Tensor([1, 5]), "given 5, wanted 1..4"),
    (nn.ClassNLLCriterion(), LOGS[1], 5, "given 5, wanted 1..4"),
    (nn.ClassNLLCriterion(), LOGS, torch.Tensor([1, 2, 3]), "2 elements in the target"),
    (nn.ClassNLLCriterion(), IMAGES, LABELS, "C, or N x C"),
    (nn.SpatialClassNLLCriterion(), IMAGES, torch.Tensor(2, 2, 2), "given 0, wanted 1..4"),
    (nn.SpatialClassNLLCriterion(), LOGS, LABELS, "N x C x H x W"),
    (nn.ClassNLLCriterion(X), LOGS, LABELS, "one for each class"),
    (nn.ClassSimplexCriterion(3), LOGS, LABELS, "3 numbers for each example"),
    (nn.MultiMarginCriterion(3), LOGS, LABELS, "p 3"),
    (nn.MultiMarginCriterion(), LOGS, torch.Tensor([1, 7]), "given 7, wanted 1..4"),
    (nn.MultiLabelMarginCriterion(), X, torch.Tensor([1, 4, 0]), "given 4, wanted 0..3"),
    (nn.MultiLabelMarginCriterion(), X, torch.Tensor([1]), "3 elements in the target"),
    (nn.MSECriterion(), X, torch.Tensor(4), "3 elements in the target: one for each element"),
    (nn.MSECriterion(), X, None, "given an input without a target"),
    (nn.MSECriterion(), X, Y.float(), "given a torch.FloatTensor, wanted a torch.DoubleTensor"),
    (nn.BCECriterion(), X, Y, "numbers from 1 to 3, wanted probabilities"),
    (nn.BCECriterion(Y.float()), X * 0, Y, "given a torch.FloatTensor"),
    (nn.CosineEmbeddingCriterion(), [X, LOGS[1]], 1, "equal shapes"),
    (nn.L1HingeEmbeddingCriterion(), [X, Y], torch.Tensor([1, 1]), "one for each example"),
    (nn.ParallelCriterion().add(nn.MSECriterion()), [X, Y], [X, Y], "1 of each"),
]


@pytest.mark.parametrize(
    ("criterion", "x", "target", "message"), MISTAKES, ids=lambda x: str(x)[:30]
)
def test_mistakes(criterion, x, target, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        criterion.forward(x, target)


def test_probabilities_that_wait_to_be_computed_are_not_looked_at():
    assert np.isnan(float(nn.BCECriterion().forward(X + 1, Y)))
    assert nn.BCECriterion().forward(nn.Sigmoid().forward(X), Y * 0) > 0


COMPILED = [
    (nn.ClassNLLCriterion(torch.Tensor([1, 2, 3, 4])), LOGS, LABELS),
    (nn.CrossEntropyCriterion(), LOGS, LABELS),
    (nn.MultiCriterion().add(nn.MSECriterion(), 0.5).add(nn.AbsCriterion()), X, Y),
    (nn.ParallelCriterion(True).add(nn.MSECriterion()).add(Doubled(), 2), [X, Y], Y),
    (nn.CosineEmbeddingCriterion(), [LOGS, LOGS * 2], torch.Tensor([1, -1])),
    (nn.ModuleCriterion(nn.BCECriterion(), nn.Sigmoid()), X, torch.Tensor([0, 1, 0])),
]


@pytest.mark.parametrize(("criterion", "x", "target"), COMPILED, ids=lambda x: str(x)[:30])
def test_in_compiled_code(criterion, x, target):
    wanted, gradient = criterion(x, target)
    wanted, gradient = float(wanted), str(gradient)

    @transforms.jit
    def step(x, target):
        loss = criterion.forward(x, target)
        gradient = criterion.backward(x, target)
        return loss * 2, gradient

    for _ in range(2):
        twice, found = step(x, target)
        assert twice == pytest.approx(2 * wanted, rel=1e-12)
        assert str(found) == gradient
        assert criterion.output == pytest.approx(wanted, rel=1e-12)


def test_a_loss_waits_until_it_is_looked_at():
    criterion = nn.MultiCriterion().add(nn.CrossEntropyCriterion())
    loss = criterion.forward(LOGS, LABELS)
    criterion.backward(LOGS, LABELS)
    assert loss.storage.waiting
    assert criterion.gradInput.storage.waiting
    assert loss > 0


def test_labels_are_looked_at_again_when_they_have_changed():
    criterion, labels = nn.ClassNLLCriterion(), torch.Tensor([1, 3, 9])
    pair = labels.narrow(1, 1, 2)
    criterion.forward(LOGS, pair)
    criterion.backward(LOGS, pair)
    with pytest.raises(IndexError, match="given 9,"):
        criterion.backward(LOGS, labels.narrow(1, 2, 2))
    criterion.forward(LOGS, pair)
    with pytest.raises(IndexError, match="given 3,"):
        criterion.forward(LOGS.narrow(2, 1, 2), pair)
    labels[1] = 7
    with pytest.raises(IndexError, match="given 7,"):
        criterion.forward(LOGS, pair)
    criterion.ignoreIndex = 7
    criterion.forward(LOGS, pair)
    assert criterion.total_weight_tensor.tolist() == [1]
