"""What every source promises: each epoch once, batches that are a function of (seed, step)."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from gannets.data import Arrays, DensitySource, Digits, Source, TensorSource, open_source
from gannets.errors import InputError
from gannets.theory.densities import Normal, Ring, TwoMoons

CPU = torch.device("cpu")


def numbered(n: int, seed: int) -> TensorSource:
    """n samples that are their own numbers, and labels that repeat them."""
    return TensorSource(torch.arange(n).float()[:, None], torch.arange(n), seed=seed)


def drawn(source: Source, steps: list[int], m: int) -> Tensor:
    return torch.cat([source.batch(step, m)[0] for step in steps])


@given(n=st.integers(1, 60), data=st.data(), seed=st.integers(0, 2**40))
def test_every_epoch_sees_each_sample_once(n: int, data: st.DataObject, seed: int) -> None:
    m = data.draw(st.integers(1, n))
    steps = 3 * math.lcm(n, m) // m
    assume(steps <= 400)
    rows = drawn(numbered(n, seed), list(range(steps)), m).view(-1, n)
    assert torch.equal(rows.sort(dim=1).values, torch.arange(n).float().expand_as(rows))


@given(
    n=st.integers(2, 50),
    data=st.data(),
    seed=st.integers(0, 2**40),
    steps=st.lists(st.integers(0, 1000), min_size=1, max_size=20),
)
def test_a_batch_does_not_depend_on_what_was_drawn_before(
    n: int, data: st.DataObject, seed: int, steps: list[int]
) -> None:
    m = data.draw(st.integers(1, n))
    used = numbered(n, seed)
    for step in steps:
        x, y = used.batch(step, m)
        fresh, labels = numbered(n, seed).batch(step, m)
        assert torch.equal(x, fresh)
        assert y is not None
        assert labels is not None
        assert torch.equal(y, labels)
        assert torch.equal(x[:, 0].long(), y)  # a sample keeps its label


@given(
    n=st.integers(4, 50), half=st.integers(1, 2), step=st.integers(0, 10**6), seed=st.integers(0, 9)
)
def test_two_processes_share_a_batch_by_taking_half_of_it_each(
    n: int, half: int, step: int, seed: int
) -> None:
    source = numbered(n, seed)
    assert torch.equal(
        drawn(source, [step], 2 * half), drawn(source, [2 * step, 2 * step + 1], half)
    )


def test_epochs_and_seeds_differ_in_order() -> None:
    # 50! orders: two that agree are no coincidence.
    orders = [tuple(numbered(50, s).batch(e, 50)[0][:, 0].tolist()) for s in (0, 1) for e in (0, 1)]
    assert len(set(orders)) == 4


def test_the_order_is_uniform() -> None:
    # The sample that comes first, over 6,000 epochs of 6 samples: chi-squared with 5 degrees of
    # freedom exceeds 20.5 with probability 0.001.
    source = numbered(6, seed=3)
    first = torch.stack([source.batch(epoch, 6)[0][0, 0] for epoch in range(6000)]).long()
    counts = torch.bincount(first, minlength=6).double()
    assert float(((counts - 1000) ** 2 / 1000).sum()) < 20.5


@pytest.mark.parametrize("m", [0, -1, 6])
def test_a_batch_that_the_data_cannot_fill_is_refused(m: int) -> None:
    source = numbered(5, seed=0)
    with pytest.raises(InputError, match=f"A batch of {m} cannot be drawn from 5 samples"):
        source.batch(0, m)
    with pytest.raises(InputError, match="1 to 5"):
        source.check(m)
    source.check(5)


def test_rows_and_first_follow_the_order_given() -> None:
    source = numbered(9, seed=0)
    assert source.rows(torch.tensor([7, 2, 7]))[0][:, 0].tolist() == [7, 2, 7]
    x, y = source.first(4)
    assert x[:, 0].tolist() == [0, 1, 2, 3]
    assert y is not None
    assert y.tolist() == [0, 1, 2, 3]
    assert source.all()[0].shape == (9, 1)
    x.zero_()  # a copy: what is done to it is not done to the data
    y.zero_()
    assert source.first(4)[0][:, 0].tolist() == [0, 1, 2, 3]
    assert source.rows(torch.tensor([3]))[1].tolist() == [3]
    with pytest.raises(InputError, match="There are 9 samples, not 10"):
        source.first(10)
    with pytest.raises(IndexError):
        source.rows(torch.tensor([9]))


@given(
    low=st.floats(-1e3, 1e3),
    width=st.floats(0.001, 1e3),
    peak=st.sampled_from([16, 255]),
)
def test_bytes_become_the_bounds_and_no_value_lies_beyond(
    low: float, width: float, peak: int
) -> None:
    high = low + width
    assume(np.float32(low) < np.float32(high))
    shades = torch.arange(peak + 1, dtype=torch.uint8)[:, None]
    source = TensorSource(shades, seed=0, bounds=(low, high), peak=peak)
    x = source.all()[0][:, 0].numpy()
    exact = low + np.arange(peak + 1) / peak * (high - low)
    # Rounding in units of 2^-23: of high - low, the slope 1.5 and the product 0.5; the low end and
    # the sum 0.5 each; and high - low is at most twice the larger end.
    tolerance = 5 * 2**-23 * max(abs(low), abs(high))
    assert x.dtype == np.float32
    assert x[0] == np.float32(low)
    assert np.float32(low) <= x.min() <= x.max() <= np.float32(high)
    assert np.abs(x - exact).max() <= tolerance


@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (0.0, 1.0), (-0.5, 0.5)])
@pytest.mark.parametrize("peak", [16, 255])
def test_black_and_white_are_exact(bounds: tuple[float, float], peak: int) -> None:
    source = TensorSource(
        torch.tensor([[0], [peak]], dtype=torch.uint8), seed=0, bounds=bounds, peak=peak
    )
    assert tuple(source.all()[0][:, 0].tolist()) == bounds


def test_the_mean_is_that_of_the_batches() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (9001, 1, 2, 3)).astype(np.uint8)  # three parts of the sum
    for given_ in (pixels, pixels.astype(np.float64) * 1e6):
        source = Arrays(given_).load(seed=0, device=CPU)
        exact = source.all()[0].numpy().astype(np.float64).mean(0)
        assert source.mean.shape == (1, 2, 3)
        np.testing.assert_allclose(source.mean.numpy(), exact, rtol=2e-7, atol=2e-7)


def test_the_fingerprint_tells_content_and_units_and_nothing_else() -> None:
    x, y = np.arange(12, dtype=np.uint8).reshape(6, 2), np.arange(6)

    def print_of(*given: object, seed: int = 0, **more: object) -> str:
        return Arrays(*given, **more).load(seed=seed, device=CPU).fingerprint  # type: ignore[arg-type]

    same = {print_of(x, y), print_of(x.copy(), y, seed=5), print_of(torch.tensor(x), y)}
    assert len(same) == 1
    others = [
        print_of(x),
        print_of(x, y[::-1].copy()),
        print_of(x[::-1].copy(), y),
        print_of(x.astype(np.float32), y),
        print_of(x.reshape(6, 1, 2), y),
        print_of(x, y, bounds=(0.0, 1.0)),
        print_of(x, y, split="train[:3]"),
    ]
    assert len({*same, *others}) == 1 + len(others)
    # float64 and float32 of one value are one content.
    assert print_of(x / 1.0) == print_of(x.astype(np.float32))


def test_a_reload_gives_the_same_batches() -> None:
    one, two = (Digits().load(seed=7, device=CPU) for _ in range(2))
    assert one.fingerprint == two.fingerprint
    for step in (0, 18, 1000):  # 18: astride the first two epochs
        (x, y), (again, labels) = one.batch(step, 64), two.batch(step, 64)
        assert torch.equal(x, again)
        assert y is not None
        assert labels is not None
        assert torch.equal(y, labels)


# ---- densities


@pytest.fixture
def ring() -> DensitySource:
    return DensitySource(Ring(), seed=1, device=CPU)


def test_a_density_gives_the_same_batch_however_it_is_reached(ring: DensitySource) -> None:
    fresh = DensitySource(Ring(), seed=1, device=CPU)
    steps = [5, 0, 5, 10**6]
    batches = [ring.batch(step, 32)[0] for step in steps]
    assert torch.equal(batches[0], batches[2])
    assert torch.equal(batches[3], fresh.batch(10**6, 32)[0])
    assert not torch.equal(batches[0], batches[1])
    assert ring.batch(0, 32)[1] is None
    assert batches[0].dtype == torch.float32


def test_batches_of_a_density_are_its_samples(ring: DensitySource) -> None:
    # E x = 0 and Var x = radius^2 / 2 + sigma^2 in each coordinate; 5 standard errors.
    x = drawn(ring, list(range(400)), 64).double()
    variance = 1 / 2 + 0.05**2
    assert x.mean(0).abs().max() < 5 * math.sqrt(variance / len(x))
    assert (x.square().mean(0) - variance).abs().max() < 5 * math.sqrt(1 / 8 / len(x))
    assert ring.mean.abs().max() < 5 * math.sqrt(variance / 2**16)
    assert len(torch.unique(x, dim=0)) == len(x)  # all of them afresh


@given(n=st.integers(1, 9000), more=st.integers(0, 9000))
def test_the_first_samples_of_a_density_are_a_prefix(n: int, more: int) -> None:
    source = DensitySource(Normal(), seed=0, device=CPU)
    few, many = source.first(n)[0], source.first(n + more)[0]
    assert few.shape == (n, 1)
    assert torch.equal(few, many[:n])
    indices = torch.tensor([n + more - 1, 0, n - 1])
    assert torch.equal(source.rows(indices)[0], many[indices])


def test_the_splits_of_a_density_are_independent() -> None:
    splits = ("train", "validation", "test")
    sources = [open_source(TwoMoons(), seed=0, device=CPU, split=split) for split in splits]
    points = torch.cat([source.first(50)[0] for source in sources])
    points = torch.cat([points, *(source.batch(0, 50)[0] for source in sources)])
    assert len(torch.unique(points, dim=0)) == 300
    with pytest.raises(InputError, match=r"Unknown split 'valid'. Did you mean 'validation'"):
        open_source(TwoMoons(), seed=0, device=CPU, split="valid")


def test_a_density_has_no_end_but_a_fingerprint(ring: DensitySource) -> None:
    assert ring.endless
    assert len(ring) == sys.maxsize
    ring.check(10**9)
    for refused in (ring.all, lambda: ring.first(0), lambda: ring.batch(0, 0)):
        with pytest.raises(InputError):
            refused()
    assert ring.fingerprint == DensitySource(Ring(), seed=9, device=CPU).fingerprint
    assert ring.fingerprint != DensitySource(Ring(count=9), seed=1, device=CPU).fingerprint


def test_importing_the_package_imports_none_of_the_heavy_ones() -> None:
    program = "import sys, gannets.data; print(*{'sklearn', 'scipy', 'rich'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="."
    )
    assert done.stdout.strip() == ""
