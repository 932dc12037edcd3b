"""Layers against what their equations say, computed another way."""

from __future__ import annotations

import itertools
import math

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gannets.errors import InputError
from gannets.game import Stream
from gannets.nets.layers import (
    ClassConcat,
    ConditionalBatchNorm2d,
    Dropout,
    Maxout,
    MaxoutConv2d,
    Projection,
    attach,
    spectral,
)


def numbers(*shape: int, index: int = 0) -> torch.Tensor:
    return Stream(7, "numbers").at(index).normal(*shape)


def same(ours: torch.Tensor, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-4, atol=1e-5)


# ---- maxout


@given(
    m=st.integers(1, 4),
    features=st.integers(1, 5),
    units=st.integers(1, 4),
    pieces=st.integers(1, 4),
)
def test_maxout_by_loops(m: int, features: int, units: int, pieces: int) -> None:
    layer, x = Maxout(features, units, pieces=pieces), numbers(m, features)
    weight = layer.linear.weight.detach().numpy().reshape(units, pieces, features)
    bias = layer.linear.bias.detach().numpy().reshape(units, pieces)
    expected = np.empty((m, units), np.float32)
    for row, i in itertools.product(range(m), range(units)):
        expected[row, i] = max(
            sum(weight[i, j, k] * float(x[row, k]) for k in range(features)) + bias[i, j]
            for j in range(pieces)
        )
    same(layer(x), expected)


def test_two_maxout_pieces_are_the_absolute_value() -> None:
    # Goodfellow et al. (2013), figure 1: |x| = max(x, -x).
    layer = Maxout(1, 1, pieces=2)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        layer.linear.bias.zero_()
    x = torch.linspace(-3, 3, 13)[:, None]
    assert torch.equal(layer(x), x.abs())


def test_maxout_convolution_by_loops() -> None:
    layer = MaxoutConv2d(2, 3, kernel=2, pieces=4, stride=2, padding=1)
    x = numbers(2, 2, 5, 4)
    weight = layer.conv.weight.detach().numpy().reshape(3, 4, 2, 2, 2)
    bias = layer.conv.bias.detach().numpy().reshape(3, 4)
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)))
    expected = np.empty((2, 3, 3, 3), np.float32)
    for row, i, a, b in np.ndindex(*expected.shape):
        patch = padded[row, :, 2 * a : 2 * a + 2, 2 * b : 2 * b + 2]
        expected[row, i, a, b] = max((weight[i, j] * patch).sum() + bias[i, j] for j in range(4))
    same(layer(x), expected)


# ---- dropout


@given(keep=st.floats(0.05, 1.0), index=st.integers(0, 1000))
def test_dropout_keeps_a_value_divided_by_keep_or_nothing(keep: float, index: int) -> None:
    layer, x = Dropout(keep), numbers(6, 5)
    attach(layer, Stream(0, "masks").at(index))
    mask = (Stream(0, "masks").at(index).uniform(6, 5) < keep).double()  # the same draws
    same(layer(x), (x.double() * mask / keep).numpy())
    layer.eval()
    assert torch.equal(layer(x), x)


@pytest.mark.parametrize("keep", [0.8, 0.5])
def test_dropout_preserves_the_mean(keep: float) -> None:
    n = 200_000
    layer = Dropout(keep)
    attach(layer, Stream(0, "masks"))
    y = layer(torch.ones(n))
    assert set(y.tolist()) == {0.0, torch.tensor(1 / keep).item()}  # 1.25 and 2: the 2014 scales
    # Var y = (1 - keep) / keep: five standard errors.
    assert abs(y.mean().item() - 1) < 5 * math.sqrt((1 - keep) / keep / n)


def test_dropout_masks_are_fresh_at_every_call_and_repeat_with_the_stream() -> None:
    layer, x = Dropout(0.5), torch.ones(100)
    stream = Stream(0, "masks")
    attach(layer, stream)
    before = torch.random.get_rng_state()
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second)
    stream.at(0)
    assert torch.equal(layer(x), first)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_dropout_asks_for_its_stream() -> None:
    net = nn.Sequential(nn.Linear(2, 2), Dropout(0.5))
    with pytest.raises(InputError, match=r"attach\(net, stream\)"):
        net(torch.zeros(1, 2))
    assert net.eval()(torch.zeros(1, 2)).shape == (1, 2)
    assert torch.equal(Dropout(1.0)(torch.ones(3)), torch.ones(3))  # draws nothing


def test_attach_reaches_whatever_draws_and_nothing_else() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(Dropout(0.5)), Dropout(0.9))
    stream = Stream(0, "masks")
    attach(net, stream)
    assert net[1][0].random is stream
    assert net[2].random is stream
    assert not hasattr(net[0], "random")


# ---- the class


def test_conditional_batch_norm_by_numpy() -> None:
    layer = ConditionalBatchNorm2d(3, classes=4)
    with torch.no_grad():
        layer.bias.weight.copy_(numbers(4, 3, index=1))
    x, y = 2 * numbers(8, 3, 2, 5) + 1, torch.tensor([0, 1, 2, 3, 3, 3, 0, 1])
    values = x.double().numpy()
    mean, variance = values.mean((0, 2, 3)), values.var((0, 2, 3))
    normal = (values - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
    gain, bias = (t.weight.detach().numpy()[y] for t in (layer.gain, layer.bias))
    same(layer(x, y), gain[:, :, None, None] * normal + bias[:, :, None, None])
    # In evaluation, the running statistics: one update with momentum 0.1 and unbiased variance.
    running_mean, running = 0.1 * mean, 0.9 + 0.1 * variance * 80 / 79
    normal = (values - running_mean[:, None, None]) / np.sqrt(running + 1e-5)[:, None, None]
    same(layer.eval()(x, y), gain[:, :, None, None] * normal + bias[:, :, None, None])


def test_conditional_batch_norm_begins_as_dcgans() -> None:
    layer = ConditionalBatchNorm2d(500, classes=20)
    gain = layer.gain.weight
    assert abs(gain.mean().item() - 1) < 5 * 0.02 / 100
    assert gain.std().item() == pytest.approx(0.02, rel=0.05)
    assert not layer.bias.weight.any()


def test_projection_by_einsum() -> None:
    layer, h, y = Projection(5, 7), numbers(6, 7), torch.tensor([4, 0, 0, 3, 2, 1])
    onehot = np.eye(5)[y]
    # Miyato and Koyama (2018), eq. 3: y^T V phi
    same(layer(h, y), np.einsum("mc,cf,mf->m", onehot, layer.embedding.weight.detach(), h))


def test_a_class_is_concatenated() -> None:
    layer, x, y = ClassConcat(3, 4), numbers(5, 2), torch.tensor([0, 2, 1, 2, 0])
    joined = layer(x, y)
    assert torch.equal(joined[:, :2], x)
    onehot = torch.nn.functional.one_hot(y, 3).float()
    same(joined[:, 2:], (onehot @ layer.embedding.weight).detach().numpy())


# ---- spectral normalisation


@settings(max_examples=20)
@given(rows=st.integers(2, 6), columns=st.integers(2, 6), scale=st.sampled_from([0.01, 1.0, 30.0]))
def test_the_largest_singular_value_becomes_one(rows: int, columns: int, scale: float) -> None:
    torch.manual_seed(rows * 10 + columns)
    linear = nn.Linear(columns, rows)
    with torch.no_grad():
        linear.weight.mul_(scale)
    original = linear.weight.detach().clone()
    layer = spectral(linear)
    for _ in range(300):
        layer(torch.zeros(1, columns))
    weight = layer.eval().weight.detach()
    singular = torch.linalg.svdvals(original)
    assert torch.linalg.svdvals(weight)[0].item() == pytest.approx(1, abs=1e-3)
    torch.testing.assert_close(weight * singular[0], original, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "matrix"),
    [
        (nn.Conv2d(3, 4, 2), lambda w: w.flatten(1)),
        (nn.ConvTranspose2d(3, 4, 2), lambda w: w.transpose(0, 1).flatten(1)),
        (nn.Embedding(5, 3), lambda w: w),
    ],
    ids=["convolution", "transposed", "embedding"],
)
def test_every_kind_of_weight_is_read_as_a_matrix_of_outputs(layer: nn.Module, matrix) -> None:
    normalised = spectral(layer)
    x = (
        torch.zeros(1, dtype=torch.int64)
        if isinstance(layer, nn.Embedding)
        else numbers(1, 3, 4, 4)
    )
    for _ in range(300):
        normalised(x)
    weight = normalised.eval().weight.detach()
    assert torch.linalg.svdvals(matrix(weight))[0].item() == pytest.approx(1, abs=1e-3)


def test_one_power_iteration_a_training_pass_and_none_in_evaluation() -> None:
    layer = spectral(nn.Linear(6, 5))
    vectors = layer.parametrizations.weight[0]
    weight = layer.parametrizations.weight.original.detach().double().numpy()
    right = numbers(6).double().numpy()
    right /= np.linalg.norm(right)
    with torch.no_grad():
        vectors._v.copy_(torch.from_numpy(right))
    layer(numbers(1, 6))
    # Miyato et al. (2018), algorithm 1: u <- W v / |W v|, v <- W^T u / |W^T u|
    left = weight @ right
    left /= np.linalg.norm(left)
    right = weight.T @ left
    right /= np.linalg.norm(right)
    same(vectors._u, left)
    same(vectors._v, right)
    layer.eval()
    same(layer.weight, weight / (left @ weight @ right))
    layer(numbers(1, 6))
    same(vectors._u, left)


def test_shapes_are_checked_in_these_tests() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        Maxout(3, 2, pieces=2)(torch.zeros(2, 3, 1))
