"""Optimizers, schedules and averages against their formulas, written out in NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gannets.errors import InputError
from gannets.updates import (
    SGD,
    Adam,
    Average,
    Constant,
    Cosine,
    Decay,
    Linear,
    Mover,
    Optimizer,
    Ramp,
    RMSprop,
    Schedule,
)

GRADIENTS = np.random.default_rng(0).normal(size=(40, 3))


def descend(optimizer: Optimizer) -> np.ndarray:  # type: ignore[type-arg]
    """Where the optimizer goes from 0 along GRADIENTS."""
    w = torch.zeros(3, dtype=torch.float64)
    mover = optimizer.build([w])
    for g in torch.tensor(GRADIENTS):
        mover.move([g])
    assert mover.updates == len(GRADIENTS)
    return w.numpy()


def test_sgd_with_scheduled_momentum_and_rate() -> None:
    lr, momentum = Decay(0.1, 1.05, floor=0.02), Ramp(0.5, 0.7, steps=20, every=5)
    w, u = np.zeros(3), np.zeros(3)
    for n, g in enumerate(GRADIENTS):
        u = g if n == 0 else (0.5 + 0.2 * min(n // 5 * 5 / 20, 1)) * u + g
        w = w - max(0.1 / 1.05**n, 0.02) * u
    np.testing.assert_allclose(descend(SGD(lr, momentum)), w, rtol=1e-12)


def test_adam() -> None:
    """Kingma and Ba (2015), algorithm 1."""
    beta1, beta2 = 0.5, 0.99
    w, m, v = np.zeros(3), np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        w = w - 1e-2 * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + 1e-8)
    np.testing.assert_allclose(descend(Adam(1e-2, betas=(beta1, beta2))), w, rtol=1e-10)


def test_adam_weight_decay_is_added_to_the_gradient() -> None:
    decayed, plain = Adam(1e-2, weight_decay=0.1), Adam(1e-2)
    w = torch.tensor([3.0], dtype=torch.float64)
    x = w.clone()
    a, b = decayed.build([w]), plain.build([x])
    for g in torch.tensor(GRADIENTS[:, :1]):
        a.move([g])
        b.move([g + 0.1 * x])
    torch.testing.assert_close(w, x, rtol=1e-12, atol=0)


def test_rmsprop() -> None:
    w, v = np.zeros(3), np.zeros(3)
    for g in GRADIENTS:
        v = 0.9 * v + 0.1 * g**2
        w = w - 1e-2 * g / (np.sqrt(v) + 1e-8)
    np.testing.assert_allclose(descend(RMSprop(1e-2, alpha=0.9)), w, rtol=1e-12)


@pytest.mark.parametrize("optimizer", [SGD(0.1, 0.9), Adam(1e-2), RMSprop(1e-2, momentum=0.5)])
def test_an_optimizer_taken_up_again_goes_on_alike(optimizer: Optimizer) -> None:
    def walk(mover: Mover, gradients: torch.Tensor) -> None:
        for g in gradients:
            mover.move([g])

    gradients = torch.tensor(GRADIENTS, dtype=torch.float32)
    straight = torch.zeros(3)
    walk(optimizer.build([straight]), gradients)

    broken = torch.zeros(3)
    first = optimizer.build([broken])
    walk(first, gradients[:17])
    second = optimizer.build([broken])
    second.load({k: v.clone() for k, v in first.tensors().items()}, first.updates)
    walk(second, gradients[17:])
    assert torch.equal(straight, broken)


@pytest.mark.parametrize(
    ("schedule", "points"),
    [
        (Constant(0.3), {0: 0.3, 10**9: 0.3}),
        (Linear(2.0, 0.0, steps=10), {0: 2.0, 5: 1.0, 10: 0.0, 99: 0.0}),
        (Linear(2.0, 0.0, steps=10, after=100), {0: 2.0, 100: 2.0, 105: 1.0, 110: 0.0}),
        (Cosine(1.0, 0.2, steps=8), {0: 1.0, 4: 0.6, 8: 0.2, 80: 0.2}),
        (Decay(0.1, 1.000004, floor=1e-6), {0: 0.1, 10**6: 0.1 / 1.000004**10**6, 10**12: 1e-6}),
        (Ramp(0.5, 0.7, steps=124_500, every=500), {0: 0.5, 499: 0.5, 124_499: 0.7 - 0.2 / 249}),
        (Ramp(0.5, 0.7, steps=124_500, every=500), {500: 0.5 + 0.2 / 249, 124_500: 0.7}),
    ],
)
def test_schedules_at_known_points(schedule: Schedule, points: dict[int, float]) -> None:
    for n, value in points.items():
        assert schedule(n) == pytest.approx(value, rel=1e-9)


@given(st.integers(0, 10**7))
def test_schedules_stay_between_their_ends(n: int) -> None:
    for schedule in (Linear(2.0, 1.0, 1000, after=7), Cosine(2.0, 1.0, 777), Decay(2.0, 1.1, 1.0)):
        assert 1.0 - 1e-12 <= schedule(n) <= 2.0 + 1e-12
        assert schedule(n + 1) <= schedule(n) + 1e-12


def test_the_average_forgets_half_in_its_half_life() -> None:
    """G jumps from 0 to 1; after `half_life` images the average stands at 1/2."""
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    averaged = Average(half_life=640.0, ramp=None).build(module)
    nn.init.ones_(module.weight)
    for step in range(10):
        averaged.follow(batch=64, images=step * 64)
    assert float(averaged.module.get_parameter("weight")) == pytest.approx(0.5, rel=1e-6)


def test_the_ramp_lets_the_average_keep_up_in_the_beginning() -> None:
    """After N images the half-life is at most N/20: beta = 2^(-20 batch / N)."""
    average = Average(half_life=1e6, ramp=0.05)
    assert average.beta(batch=64, images=0) == 0.0
    assert average.beta(batch=64, images=6400) == pytest.approx(2 ** (-64 / 320))
    assert average.beta(batch=64, images=10**9) == pytest.approx(2 ** (-64 / 1e6))


def test_the_average_has_the_buffers_of_the_last_update() -> None:
    module = nn.BatchNorm1d(2)
    averaged = Average(half_life=1e9, ramp=None).build(module)
    module(torch.randn(8, 2))
    averaged.follow(batch=8, images=8)
    for name, buffer in module.named_buffers():
        assert torch.equal(averaged.module.get_buffer(name), buffer)
    assert not math.isclose(float(module.running_mean[0]), 0.0)  # type: ignore[index]


@pytest.mark.parametrize(
    "bad",
    [
        lambda: SGD(lr=-1.0),
        lambda: SGD(lr=math.nan),
        lambda: Adam(betas=(0.5, 1.0)),
        lambda: RMSprop(alpha=1.0),
        lambda: Decay(0.1, 0.9),
        lambda: Linear(1.0, 0.0, steps=0),
        lambda: Ramp(0.0, 1.0, steps=5, every=0),
        lambda: Average(half_life=0.0),
        lambda: Average(half_life=1.0, ramp=0.0),
    ],
)
def test_values_out_of_range_are_refused(bad: object) -> None:
    with pytest.raises(InputError):
        bad()  # type: ignore[operator]
