"""What every view owes: enrolled by being a public name of gannets.game.views."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from gannets import change, recipes
from gannets.errors import InputError
from gannets.game import Conditional, Group, Marginal, Packed, Stream, views
from gannets.game.views import (
    Brightness,
    Contrast,
    Cutout,
    Flip,
    InstanceNoise,
    Rotate,
    Saturation,
    Translation,
    View,
)

CLASSES = [
    value
    for value in map(vars(views).get, views.__all__)
    if inspect.isclass(value) and dataclasses.is_dataclass(value)
]
VARIANTS: list[Any] = [
    InstanceNoise(0.3, steps=10),
    Flip(p=1.0),
    Rotate(p=1.0),
    Translation(ratio=0.4, fill=-1.0, p=0.5),
    Cutout(ratio=0.3, fill=2.0, p=0.5),
    Brightness(p=0.5),
    Saturation(strength=0.3, p=0.5),
    Contrast(p=0.5),
]
EVERY = [*(view() for view in CLASSES), *VARIANTS]
every_view = pytest.mark.parametrize("view", EVERY, ids=repr)
IDENTITIES = [
    InstanceNoise(0.0),
    Flip(p=0.0),
    Rotate(p=0.0),
    Translation(ratio=0.0),
    Translation(p=0.0),
    Cutout(ratio=0.0),
    Cutout(p=0.0),
    Brightness(strength=0.0),
    Brightness(p=0.0),
    Saturation(strength=0.0),
    Contrast(strength=0.0),
]


def images(m: int = 6, channels: int = 3, side: int = 8) -> Tensor:
    random = torch.Generator().manual_seed(m)
    return torch.randn(m, channels, side, side, generator=random, dtype=torch.float64)


def stream(position: int = 0, share: Group | None = None) -> Stream:
    return Stream(3, "views").at(position, **({} if share is None else {"share": share}))


# ---------------------------------------------------------------------------------- for every one


@every_view
def test_is_a_frozen_value_whose_text_recreates_it(view: Any) -> None:
    assert isinstance(view, View)
    assert eval(repr(view), {}, vars(views)) == view
    with pytest.raises(dataclasses.FrozenInstanceError):
        view.p = 1


@every_view
def test_is_a_function_of_the_sample_and_of_the_place_of_its_stream(view: Any) -> None:
    x = images(64)
    kept, state = x.clone(), torch.get_rng_state()
    seen = view(x, stream(4), 2)
    assert seen.shape == x.shape
    assert seen.dtype == x.dtype
    assert torch.equal(seen, view(x, stream(4), 2))
    assert not torch.equal(seen, view(x, stream(5), 2))
    assert torch.equal(x, kept)
    assert torch.equal(torch.get_rng_state(), state)


@every_view
def test_single_precision_sees_the_same(view: Any) -> None:
    """The draws are the same; 1e-5 is a few roundings of numbers of size 1 to 5."""
    x = images(32)
    single = view(x.float(), stream(), 2)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), view(x, stream(), 2), rtol=0, atol=1e-5)


@every_view
def test_processes_see_their_rows_of_the_whole(view: Any) -> None:
    """Twice over, as data and fakes are seen one after the other."""
    x, random = images(8), stream(7)
    whole = [view(x, random, 0), view(x, random, 0)]
    for rank in range(4):
        group = Group(rank, 4)
        random = stream(7, group)
        for each in whole:
            own = view(group.share(x), random, 0)
            torch.testing.assert_close(own, group.share(each), rtol=0, atol=0)


@every_view
def test_gradient_is_right(view: Any) -> None:
    """Autograd's, in the sample, and once more, for rules that differentiate gradients."""
    x = images(2, channels=2, side=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: view(x, stream(1), 2), x)
    assert torch.autograd.gradgradcheck(lambda x: view(x, stream(1), 2).square(), x)


@every_view
@pytest.mark.parametrize("joint", [Marginal, Conditional, Packed])
def test_both_sides_are_seen_alike(view: Any, joint: Any) -> None:
    """A G that gives back the data is seen as data are, from the same place of the stream."""
    x, y = images(6), torch.arange(6)
    made = joint(through=(view,))
    real = made.real(x, y, stream(2), 3)
    fake = made.fake(lambda *_: x, torch.zeros(6, 2), y, stream(2), 3)
    assert real[0].shape[1:] == made.event((3, 8, 8))
    assert torch.equal(real[0], fake[0])
    rows = real[0].reshape(x.shape)  # a pack is its samples' channels, one after the other
    assert torch.equal(rows, view(x, stream(2), 3))


@pytest.mark.parametrize("view", IDENTITIES, ids=repr)
def test_nothing_of_it_is_nothing(view: Any) -> None:
    x = images()
    assert torch.equal(view(x, stream(), 0), x)


def test_views_are_named_in_the_notation() -> None:
    recipe = recipes.get("digits")
    text = "joint.through=(Flip(p=0.3), Translation(ratio=0.25, fill=0.0), Contrast())"
    changed = change(recipe, text)
    assert changed.joint == Marginal((Flip(0.3), Translation(0.25), Contrast()))


# ------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Flip(p=1.5), r"Flip takes p from 0 to 1, not 1\.5"),
        (lambda: Rotate(p=-0.1), r"Rotate takes p from 0 to 1"),
        (lambda: Translation(ratio=2.0), r"Translation takes ratio from 0 to 1, not 2\.0"),
        (lambda: Cutout(ratio=float("nan")), r"Cutout takes ratio from 0 to 1, not nan"),
        (lambda: Brightness(strength=-1.0), r"Brightness takes strength >= 0, not -1\.0"),
        (lambda: Contrast(strength=float("inf")), r"Contrast takes strength >= 0, not inf"),
        (lambda: Saturation(p=2.0), r"Saturation takes p from 0 to 1"),
        (lambda: Marginal((Rotate(),)).event((1, 8, 6)), r"Rotate is for square images .*\(1, 8"),
        (lambda: Marginal((Flip(),)).event((5,)), r"Flip is for images and points in the plane"),
        (lambda: Conditional((Cutout(),)).event((5,)), r"Cutout is for images .*InstanceNoise"),
        (lambda: Packed(2, (Contrast(),)).event((2,)), r"Contrast is for images"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        make()


# ------------------------------------------------------------------------- against other sources


def test_translation_is_a_roll_of_the_padded_image() -> None:
    """Each image is one of the 25 crops of itself, rolled within a wide margin; all occur."""
    x, view = images(400, channels=2, side=8), Translation(ratio=0.25, fill=-3.0)
    seen, found = view(x, stream(), 0), set[tuple[int, int]]()
    wide = pad(x, (8, 8, 8, 8), value=-3.0)
    match = torch.zeros(len(x), dtype=torch.long)
    for down in range(-2, 3):
        for right in range(-2, 3):
            rolled = wide.roll((down, right), (2, 3))[:, :, 8:-8, 8:-8]
            same = (rolled == seen).flatten(1).all(1)
            match += same
            if same.any():
                found.add((down, right))
    assert (match == 1).all()
    # 25 shifts, 400 draws: one is missed with probability 25 (24/25)^400 = 2e-6.
    assert len(found) == 25


def test_translations_mean_is_a_convolution() -> None:
    """E T x = x * box: the mean of n = 20,000 draws is within 5 of its standard errors."""
    x = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    x[0, 0, 3, 4] = 1.0
    view, n = Translation(ratio=0.125), 20_000
    seen = view(x.expand(n, 1, 8, 8), stream(), 0).mean(0)[0]
    expected = torch.zeros(8, 8, dtype=torch.float64)
    expected[2:5, 3:6] = 1 / 9
    assert (seen - expected).abs().max() < 5 * (1 / 9 / n) ** 0.5


def test_a_cutout_is_one_rectangle_of_the_stated_size() -> None:
    """Against holes counted one by one: h + 1 (or h) places a side, clipped at the edge."""
    n, side, size = 20_000, 8, 4
    x = torch.ones(n, 1, side, side, dtype=torch.float64)
    hole = Cutout(ratio=0.5, fill=-2.0)(x, stream(), 0)[:, 0] == -2.0
    rows, columns = hole.any(2), hole.any(1)
    assert torch.equal(hole, rows[:, :, None] & columns[:, None, :])
    lengths = [
        len(set(range(middle - size // 2, middle + size // 2)) & set(range(side)))
        for middle in range(side + 1)
    ]
    assert rows.sum(1).min() == columns.sum(1).min() == min(lengths) == 2
    expected = (sum(lengths) / len(lengths)) ** 2
    area = hole.flatten(1).sum(1).double()
    assert abs(float(area.mean()) - expected) < 5 * float(area.std()) / n**0.5


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_how_often_is_mirrored_and_turned(p: float) -> None:
    """As maps of distributions they have the least eigenvalue 1 - p: invertible unless p = 1.

    `Flip` mirrors p/2; `Rotate` makes each of three turns with p/4. Frequencies of n = 20,000 are
    within 5 standard errors, of which the greatest is 1 / (2 sqrt n).
    """
    n, x = 20_000, images(1, channels=1)
    band = 5 / (2 * n**0.5)
    flipped = Flip(p)(x.expand(n, 1, 8, 8), stream(), 0)
    mirrored = (flipped == x.flip(-1)).flatten(1).all(1).double().mean()
    assert abs(float(mirrored) - p / 2) < band
    turned = Rotate(p)(x.expand(n, 1, 8, 8), stream(1), 0)
    chances = [
        float((turned == x.rot90(k, (2, 3))).flatten(1).all(1).double().mean()) for k in range(4)
    ]
    assert chances == pytest.approx([1 - 3 * p / 4, p / 4, p / 4, p / 4], abs=band)
    eigenvalues = torch.fft.fft(torch.tensor(chances)).abs()
    # Of a circulant; its error is the sum of four frequencies'.
    assert float(eigenvalues.min()) == pytest.approx(1 - p, abs=4 * band)


@pytest.mark.parametrize("view", [Flip(1.0), Rotate(1.0)], ids=repr)
def test_points_in_the_plane_move_as_pixels_do(view: Any) -> None:
    """The corner of an image, and the point in that corner, from the same draws."""
    n = 200
    image = torch.zeros(n, 1, 2, 2, dtype=torch.float64)
    image[:, 0, 0, 1] = 1.0  # up and to the right
    points = torch.ones(n, 2, dtype=torch.float64)
    seen, moved = view(image, stream(), 0)[:, 0], view(points, stream(), 0)
    row, column = seen.flatten(1).argmax(1) // 2, seen.flatten(1).argmax(1) % 2
    assert torch.equal(moved[:, 0], 2.0 * column - 1)
    assert torch.equal(moved[:, 1], 1 - 2.0 * row)


def test_colours_change_what_they_say() -> None:
    """Brightness moves the mean alone; contrast keeps it and scales what is around it."""
    x = images(500)
    mean, away = x.mean((1, 2, 3), keepdim=True), x - x.mean((1, 2, 3), keepdim=True)
    lit = Brightness(0.4)(x, stream(), 0) - x
    shift = lit[:, 0, 0, 0]
    torch.testing.assert_close(lit, shift.reshape(-1, 1, 1, 1).expand_as(x))
    assert -0.4 <= shift.min() < -0.38  # of 500 draws, missed with probability (1 - .025)^500
    assert 0.38 < shift.max() <= 0.4
    factor = ((Contrast(0.5)(x, stream(), 0) - mean) / away).flatten(1)
    torch.testing.assert_close(factor, factor[:, :1].expand_as(factor))
    assert 0.5 <= factor.min() < factor.max() <= 1.5
    grey = x.mean(1, keepdim=True)
    seen = Saturation(1.0)(x, stream(), 0)
    torch.testing.assert_close(seen.mean(1, keepdim=True), grey)
    factor = ((seen - grey) / (x - grey)).flatten(1)
    torch.testing.assert_close(factor, factor[:, :1].expand_as(factor))
    assert 0.0 <= factor.min() < factor.max() <= 2.0
    one = images(3, channels=1)
    assert torch.equal(Saturation()(one, stream(), 0), one)
