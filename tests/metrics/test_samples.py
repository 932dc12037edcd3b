"""Sets of samples: in no order but their own, refused where they are none."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gannets.errors import InputError
from gannets.game import Stream
from gannets.metrics.samples import Samples


def points(n: int = 20, d: int = 3, *, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(12)), st.integers(0, 3))
def test_a_set_has_an_order_of_its_own(order: list[int], repeated: int) -> None:
    x = points(12)
    x[1 : 1 + repeated] = x[0]  # duplicates are members like others
    y = torch.arange(12) % 3
    one, other = Samples(x, y), Samples(x[order], y[order])
    assert torch.equal(one.x, other.x)
    assert one.y is not None
    assert other.y is not None
    assert torch.equal(one.y, other.y)
    assert one.fingerprint == other.fingerprint


def test_rows_labels_and_table_stay_together() -> None:
    pandas = pytest.importorskip("pandas")
    x, y = points(), torch.arange(20)
    samples = Samples(x, y, frame=pandas.DataFrame({"a": x[:, 0].numpy()}))
    assert samples.y is not None
    assert torch.equal(samples.x, x[samples.y])
    assert samples.frame is not None
    assert np.array_equal(samples.frame["a"].to_numpy(), samples.x[:, 0].numpy())
    some = samples.draw(7, Stream(0, "test").at(0))
    assert some.y is not None
    assert torch.equal(some.x, x[some.y])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda x: x + 1e-6, id="a value"),
        pytest.param(lambda x: x[:-1], id="one fewer"),
        pytest.param(lambda x: torch.cat([x, x[:1]]), id="one twice"),
        pytest.param(lambda x: x.reshape(10, 6), id="the shape"),
    ],
)
def test_the_fingerprint_is_that_of_the_content(change: object) -> None:
    x = points()
    assert callable(change)
    assert Samples(x).fingerprint != Samples(change(x)).fingerprint


def test_labels_are_content() -> None:
    x = points()
    assert (
        Samples(x, torch.zeros(20, dtype=torch.int64)).fingerprint
        != Samples(x, torch.ones(20, dtype=torch.int64)).fingerprint
    )


def test_a_draw_depends_on_the_set_and_the_stream_alone() -> None:
    x = points(50)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    draws = [Samples(each).draw(10, Stream(3, "d").at(0)) for each in (x, x[order])]
    assert draws[0].fingerprint == draws[1].fingerprint
    assert draws[0].fingerprint != Samples(x).draw(10, Stream(4, "d").at(0)).fingerprint
    assert len({tuple(row.tolist()) for row in draws[0].x}) == 10


def test_a_draw_has_no_bias() -> None:
    """Each of 20 points is in a draw of 5 with probability 1/4, whatever its hash."""
    x = points(20)
    samples = Samples(x)
    counts = torch.zeros(20)
    for seed in range(400):
        drawn = samples.draw(5, Stream(seed, "d").at(0))
        counts += (drawn.x[:, None] == samples.x).all(2).any(0)
    # Binomial(400, 1/4) has standard deviation 8.7; 20 counts stay within 4 of them.
    assert float((counts - 100).abs().max()) < 35


@pytest.mark.parametrize(
    ("x", "words"),
    [
        pytest.param(torch.zeros(5), "shape", id="one axis"),
        pytest.param(torch.zeros(5, 4, 4), "shape", id="three axes"),
        pytest.param(torch.zeros(1, 4), "at least 2", id="one sample"),
        pytest.param(torch.zeros(4, 0), "at least 2", id="no features"),
        pytest.param(torch.tensor([[1.0], [torch.nan]]), "1 of 2", id="NaN"),
        pytest.param(torch.tensor([[torch.inf], [1.0]]), "number 0", id="infinity"),
    ],
)
def test_what_is_no_set_of_samples_is_refused(x: torch.Tensor, words: str) -> None:
    # The shape checker of the tests would see the first two before the sentence is made.
    with pytest.raises(InputError, match=words):
        Samples(x, name="the points")


def test_labels_must_be_as_many() -> None:
    with pytest.raises(InputError, match="20, but have 19 labels"):
        Samples(points(), torch.zeros(19, dtype=torch.int64))


@pytest.mark.parametrize("peak", [255, 16])
def test_an_image_is_the_same_whatever_units_it_has_been_through(peak: int) -> None:
    levels = torch.randint(peak + 1, (20, 1, 6, 6), generator=torch.Generator().manual_seed(0))
    unit = levels.float() / peak
    other = levels.float() * (2 / peak) - 1  # to [-1, 1] and back: off by a rounding error
    back = ((other + 1) / 2).flip(0)
    assert Samples(unit).fingerprint == Samples(back).fingerprint
    assert torch.allclose(Samples(unit).x, Samples(back).x, atol=1e-6)
    assert Samples(unit).fingerprint != Samples(((levels + 1) % (peak + 1)) / peak).fingerprint
