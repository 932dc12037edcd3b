"""Accumulated moments and features do not depend on how the set came; they are right far out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gannets.errors import InputError
from gannets.metrics.distances import nearest
from gannets.metrics.frechet import frechet_distance, frechet_of_moments
from gannets.metrics.moments import FeatureAccumulator, MomentsAccumulator, SampleMoments
from tests.reference.metrics_frechet import exact_moments, naive_frechet


def accumulate(x: Tensor, cuts: list[int]) -> MomentsAccumulator:
    seen = MomentsAccumulator()
    for part in torch.tensor_split(x, sorted(cuts)):
        seen.update(part)
    return seen


def close(mine: Tensor, theirs: Tensor, *, scale: float) -> None:
    assert float((mine - theirs).abs().max()) <= 1e-10 * scale


@settings(max_examples=60)
@given(
    n=st.integers(2, 40),
    d=st.integers(1, 12),
    offset=st.sampled_from([0.0, -3.0, 1e5, 1e7]),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    shards=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_batches_order_and_shards_do_not_matter(
    n: int, d: int, offset: float, cuts: list[int], shards: int, seed: int
) -> None:
    """Both below and above n = d, where rows become a sum of squares."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64) + offset
    whole = SampleMoments.of(x)
    mixed = x[torch.randperm(n, generator=generator)]
    total = MomentsAccumulator()
    for shard in torch.tensor_split(mixed, shards):
        total.merge(accumulate(shard, [cut for cut in cuts if cut < len(shard)]))
    merged = total.compute()
    assert (merged.centred is None) == (whole.centred is None) == (n > d)
    assert total.n == merged.n == n
    spread = float(whole.covariance.diagonal().max())
    close(merged.mean, whole.mean, scale=max(1.0, abs(offset)))
    close(merged.covariance, whole.covariance, scale=spread)
    close(merged.factor @ merged.factor.T, merged.covariance, scale=spread)


@pytest.mark.parametrize("offset", [0.0, 1e7])
@pytest.mark.parametrize("n", [3, 30])
def test_moments_are_those_of_rational_arithmetic(n: int, offset: float) -> None:
    x = torch.randn(n, 4, dtype=torch.float64) + offset
    mean, covariance = exact_moments(x)
    moments = accumulate(x, [1, 2, n // 2]).compute()
    expected = torch.tensor([[float(v) for v in row] for row in covariance], dtype=torch.float64)
    # Some tens of roundings of numbers of order 1, wherever they lie.
    torch.testing.assert_close(moments.covariance, expected, rtol=1e-13, atol=1e-13)
    exact = torch.tensor([float(v) for v in mean], dtype=torch.float64)
    torch.testing.assert_close(moments.mean, exact, rtol=1e-15, atol=1e-15)


def test_far_from_the_origin_where_raw_second_moments_fail() -> None:
    """Raw second moments at an offset of 1e7 have lost all digits of a covariance near 1."""
    real, fake = torch.randn(2000, 8).double(), torch.randn(2000, 8).double() * 1.2
    near = frechet_distance(real=real, fake=fake)
    far_real, far_fake = real + 1e7, fake + 1e7
    streamed = frechet_of_moments(
        real=accumulate(far_real, list(range(100, 2000, 100))).compute(),
        fake=accumulate(far_fake, list(range(64, 2000, 64))).compute(),
    )
    assert streamed == pytest.approx(near, rel=1e-6)  # the rows themselves are rounded to 1e-9
    assert abs(naive_frechet(far_real, far_fake) - near) > 0.1 * near


def test_state_goes_to_another_process_and_back() -> None:
    for n in (3, 20):
        moments = SampleMoments.of(torch.randn(n, 5))
        again = SampleMoments.from_tensors(moments.tensors())
        more = torch.randn(7, 5)
        first, second = MomentsAccumulator(moments), MomentsAccumulator(again)
        first.update(more)
        second.update(more)
        assert torch.equal(first.compute().covariance, second.compute().covariance)
        assert first.n == n + 7


def test_moments_that_do_not_fit_together_are_refused() -> None:
    good = SampleMoments.of(torch.randn(20, 5)).tensors()
    with pytest.raises(InputError, match="no moments"):
        SampleMoments.from_tensors({**good, "scatter": torch.zeros(4, 4)})
    with pytest.raises(InputError, match="no moments"):
        SampleMoments.from_tensors({"origin": good["origin"], "n": good["n"]})


def test_what_is_no_set_of_features_is_refused() -> None:
    seen = MomentsAccumulator()
    with pytest.raises(InputError, match="No features were seen"):
        seen.compute()
    seen.update(torch.zeros(0, 3))
    assert seen.n == 0
    seen.update(torch.randn(1, 3))
    with pytest.raises(InputError, match="One sample has no covariance"):
        _ = seen.compute().covariance
    with pytest.raises(InputError, match="NaN or infinity"):
        seen.update(torch.tensor([[0.0, 1.0, torch.nan]]))
    with pytest.raises(InputError, match="3 and of 4 numbers"):
        seen.update(torch.randn(2, 4))
    kept = FeatureAccumulator()
    with pytest.raises(InputError, match="No features were seen"):
        kept.compute()
    kept.update(torch.randn(2, 3))
    with pytest.raises(InputError, match="3 and of 4 numbers"):
        kept.update(torch.randn(2, 4))
    with pytest.raises(InputError, match="NaN or infinity"):
        kept.update(torch.full((1, 3), torch.inf))


@settings(max_examples=30)
@given(
    n=st.integers(3, 60),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    seed=st.integers(0, 2**31),
    doubles=st.booleans(),
)
def test_features_of_shards_are_the_same_to_the_bit(
    n: int, cuts: list[int], seed: int, doubles: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, generator=generator)
    if doubles:
        x[n // 2] = x[0]
    one, four = FeatureAccumulator(), FeatureAccumulator()
    one.update(x)
    for part in torch.tensor_split(x[torch.randperm(n, generator=generator)], sorted(cuts)):
        shard = FeatureAccumulator()
        shard.update(part)
        four.merge(shard)
    assert one.n == four.n == n
    a, b = one.compute(), four.compute()
    assert torch.equal(a, b)
    assert torch.equal(a.sort(0).values, x.double().sort(0).values)
    assert torch.equal(nearest(a, a, k=2)[0], nearest(b, b, k=2)[0])


def test_an_accumulator_merged_with_itself_holds_every_row_twice() -> None:
    kept = FeatureAccumulator()
    kept.update(torch.arange(6.0).reshape(3, 2))
    kept.merge(kept)
    assert kept.n == 6


def test_what_is_kept_is_not_changed_from_outside() -> None:
    x = torch.zeros(3, 2, dtype=torch.float64)
    kept = FeatureAccumulator()
    kept.update(x)
    x += 1
    assert torch.equal(kept.compute(), torch.zeros(3, 2, dtype=torch.float64))
