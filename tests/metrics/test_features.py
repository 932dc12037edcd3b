"""Features: what they are, that they are the same anywhere, and what they see."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import FeatureMap
from gannets.metrics.features import (
    PCA,
    Auto,
    Classified,
    DiscriminatorFeatures,
    Extractor,
    Inception,
    OwnFeatures,
    Pixels,
    RandConv,
    Tabular,
    extractor,
    randconv,
)
from gannets.metrics.features.pca import principal_axes
from gannets.metrics.samples import Samples
from gannets.theory.gaussians import Moments, frechet

CPU = torch.device("cpu")


def points(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def images(n: int, c: int, h: int, w: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, c, h, w, generator=torch.Generator().manual_seed(seed))


# The notation.


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("auto", Auto()),
        ("pixels", Pixels()),
        ("values", Pixels()),
        ("pca", PCA()),
        ("pca:32", PCA(32)),
        ("pca:32:whiten", PCA(32, whiten=True)),
        ("randconv", RandConv()),
        ("randconv:1", RandConv()),
        ("tabular:1", Tabular()),
        ("classifier:runs/c", Classified("runs/c")),
        ("inception:C:\\w.pth", Inception("C:\\w.pth")),
        ("module:C:\\mine.py:see", OwnFeatures("C:\\mine.py", "see")),
    ],
)
def test_a_text_names_features(text, value):
    assert extractor(text) == value
    assert isinstance(value, Extractor)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("pixel", "Did you mean 'pixels'"),
        ("inceptoin:x.pth", "Unknown features"),
        ("pca:many", "say pca:32"),
        ("pca:32:white", "say pca:32"),
        ("pca:0", "1 axis or more"),
        ("randconv:2", "no such features"),
        ("inception:", "say inception:FILE.pth"),
        ("module:mine.py", "module:FILE.py:NAME"),
    ],
)
def test_other_texts_are_refused(text, sentence):
    with pytest.raises(InputError, match=sentence):
        extractor(text)


@pytest.mark.parametrize(
    ("x", "id"),
    [
        pytest.param(points(9, 64), "values", id="points-of-64"),
        pytest.param(points(99, 65), "pca:64", id="points-of-65"),
        pytest.param(images(3, 1, 8, 8), "randconv:1", id="images"),
        pytest.param(images(3, 1, 3, 8), "pixels", id="tiny-images"),
    ],
)
def test_auto_chooses_by_shape(x, id):
    features = Auto().build(Samples(x), device=CPU)
    assert isinstance(features, FeatureMap)
    assert features.id == id


def test_auto_sees_tables_as_tables():
    import pandas

    x = points(5, 3)
    table = Samples(x, frame=pandas.DataFrame(x.numpy()))
    features = Auto().build(table, device=CPU)
    assert features.id == "tabular:1"
    assert torch.equal(features(table.x), table.x.double())
    with pytest.raises(InputError, match="choose `auto`"):
        Tabular().build(Samples(x), device=CPU)


# Principal axes.


def test_axes_are_those_of_the_singular_vectors():
    x = points(50, 6) @ torch.diag(torch.tensor([5.0, 4, 3, 2, 1, 0.5])) + 100
    mean, axes, variances = principal_axes(x)
    centred = x.double() - x.double().mean(0)
    _, s, v = torch.linalg.svd(centred, full_matrices=False)
    torch.testing.assert_close(variances, s**2 / 49)
    torch.testing.assert_close(mean, x.double().mean(0))
    torch.testing.assert_close((axes * v.T).sum(0).abs(), torch.ones(6).double())
    assert bool((axes.gather(0, axes.abs().argmax(0, keepdim=True)) > 0).all())


@pytest.mark.parametrize("n", [20, 200], ids=["fewer-samples", "more-samples"])
def test_both_spectra_give_the_same_axes(n):
    """d > n goes through n x n, d <= n through d x d; a rotation is seen by neither."""
    x = points(n, 40)
    build = PCA(8, whiten=True).build(Samples(x), device=CPU)
    features = build(x)
    # Of the samples they were fitted to: mean 0, covariance 1, up to the spectrum's rounding.
    torch.testing.assert_close(features.mean(0), torch.zeros(8).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(features.T.cov(), torch.eye(8).double(), rtol=0, atol=1e-9)


def test_axes_stop_at_the_rank():
    x = points(30, 2) @ points(2, 10, seed=1)
    features = PCA(5).build(Samples(x), device=CPU)
    assert features.id == "pca:2"
    assert "5 asked for, rank 2" in features.preprocessing
    assert features(x).shape == (30, 2)
    # Two axes hold everything: distances are kept, to the float32 in which x was made.
    torch.testing.assert_close(
        torch.pdist(features(x)), torch.pdist(x.double()), rtol=1e-5, atol=1e-5
    )


def test_two_samples_have_one_axis_and_equal_ones_have_none():
    assert PCA(5).build(Samples(points(2, 9)), device=CPU).id == "pca:1"
    for constant in (0.0, 0.1, 1e6):
        with pytest.raises(InputError, match="are all alike"):
            PCA(5).build(Samples(torch.full((7, 3), constant)), device=CPU)


def test_other_references_are_other_features():
    a, b = (PCA(2).build(Samples(points(9, 3, seed)), device=CPU) for seed in (0, 1))
    assert a.preprocessing != b.preprocessing


# Random convolutions.


@pytest.mark.parametrize("event", [(1, 4, 4), (1, 28, 28), (3, 9, 17), (6, 8, 8)], ids=str)
def test_randconv_sees_images_of_any_shape(event):
    x = images(150, *event)
    features = RandConv().build(Samples(x), device=CPU)
    seen = features(x)
    assert seen.shape == (150, 112)
    assert bool((seen.std(0) > 0).any())
    for size in (1, 7, 150):
        parts = torch.cat([features(part) for part in x.split(size)])
        assert float((parts - seen).abs().max()) <= 1e-12 * float(seen.abs().max())


def test_a_channel_has_its_kernels_whatever_others_there_are():
    three, five = randconv._integers(3)[0], randconv._integers(5)[0]
    assert torch.equal(three, five[:3])


def test_weights_keep_the_variance_of_what_is_seen():
    """Uniform numbers of variance 2/9: 64 x 16 x 9 of them scatter by 2 %."""
    first, second, places = randconv._weights(*randconv._integers(64))
    assert float(first.var()) == pytest.approx(2 / 9, rel=0.06)
    assert float(second.var()) == pytest.approx(2 / 144, rel=0.06)
    assert float(places.var()) == pytest.approx(1 / 64, rel=0.06)


def test_other_weights_are_refused(monkeypatch):
    monkeypatch.setattr(randconv, "SEED", randconv.SEED + 1)
    with pytest.raises(InputError, match="come out otherwise"):
        RandConv().build(Samples(images(2, 1, 8, 8)), device=CPU)


def test_randconv_is_for_images():
    for x in (points(3, 9), images(3, 1, 3, 3)):
        with pytest.raises(InputError, match="choose `pixels`"):
            RandConv().build(Samples(x), device=CPU)


def test_randconv_of_a_constant_image_has_no_texture():
    x = torch.full((2, 1, 8, 8), 0.3)
    features = RandConv().build(Samples(images(2, 1, 8, 8)), device=CPU)(x)
    assert float(features[:, 64:].abs().max()) < 1e-12


def corrupted(x: torch.Tensor, y: torch.Tensor, what: str, stream: Stream) -> torch.Tensor:
    if what == "blur":
        return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    kind, amount = what.split()
    if kind == "noise":
        return (x + float(amount) * stream.normal(*x.shape)).clamp(0, 1)
    return x[y >= int(amount)]


CORRUPTIONS = ("noise 0.1", "noise 0.2", "noise 0.4", "drop 1", "drop 3", "drop 5", "blur")


def sensitivity(features: FeatureMap, splits: int, first: int) -> dict[str, float]:
    """z = (FD - floor) / sd(floor) of corrupted digits, 599 a side."""
    held = load_digits()
    x, y = torch.from_numpy(held.images / 16).float()[:, None], torch.from_numpy(held.target)
    floors: list[float] = []
    found: dict[str, list[float]] = {name: [] for name in CORRUPTIONS}
    for split in range(first, first + splits):
        order = Stream(split, "splits").permutation(len(x))
        real, fake = order[:599], order[599:1198]
        moments = Moments.of(features(x[real]))
        floors.append(float(frechet(moments, Moments.of(features(x[fake])))))
        for name, values in found.items():
            changed = corrupted(x[fake], y[fake], name, Stream(split, name))
            values.append(float(frechet(moments, Moments.of(features(changed)))))
    floor = torch.tensor(floors)
    return {
        name: float((torch.tensor(values).mean() - floor.mean()) / floor.std())
        for name, values in found.items()
    }


def test_randconv_sees_what_is_wrong_with_digits():
    """z above 4 for all: beyond chance for any number of metrics. On 6 splits sd(floor) is known
    to a third."""
    features = RandConv().build(Samples(images(2, 1, 8, 8)), device=CPU)
    z = sensitivity(features, 6, first=0)
    assert min(z.values()) > 4, z
    assert z["noise 0.1"] < z["noise 0.2"] < z["noise 0.4"]
    assert z["drop 1"] < z["drop 3"] < z["drop 5"]


@pytest.mark.slow
def test_randconv_sees_more_of_digits_than_pixels_do():
    """Noise and blur with at least 1.5 times pixels' z, missing classes with 3/4 of it.

    On splits by which nothing was chosen; sd(floor) of 60 splits is known to a tenth, twice.
    """
    real = Samples(images(2, 1, 8, 8))
    ours = sensitivity(RandConv().build(real, device=CPU), 60, first=1000)
    pixels = sensitivity(Pixels().build(real, device=CPU), 60, first=1000)
    ratios = {name: ours[name] / pixels[name] for name in CORRUPTIONS}
    for name, ratio in ratios.items():
        assert ratio > (0.75 if name.startswith("drop") else 1.5), (ratios, ours, pixels)


# The user's own.


OWN = """
import torch

def see(x):
    return x.flatten(1)[:, :2]

def make():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3), torch.nn.Dropout(0.5))

net = make()
number = 3

def scalar(x):
    return x.sum()

def broken(x):
    raise KeyError("weights")
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize(("name", "d"), [("see", 2), ("make", 3), ("net", 3)])
def test_features_of_ones_own(own, name, d):
    x = points(250, 4)
    features = extractor(f"module:{own}:{name}").build(Samples(x), device=CPU)
    seen = features(x)
    assert seen.shape == (250, d)
    assert features.id.startswith(f"module:{name}:")
    assert torch.equal(features(x), seen)  # no dropout
    if name == "see":
        assert torch.equal(seen, x[:, :2].double())


def test_another_file_has_another_id(own):
    real = Samples(points(3, 4))
    before = OwnFeatures(str(own), "see").build(real, device=CPU)
    own.write_text(OWN + "# changed\n")
    assert OwnFeatures(str(own), "see").build(real, device=CPU).id != before.id


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("sea", "Did you mean 'see'"),
        ("number", "is a int"),
        ("scalar", "a row of features for each"),
        ("broken", "fails with KeyError"),
    ],
)
def test_what_is_wrong_with_ones_own_is_said(own, name, sentence):
    x = points(3, 4)
    with pytest.raises(InputError, match=sentence):
        OwnFeatures(str(own), name).build(Samples(x), device=CPU)(x)


def test_a_file_that_cannot_be_run_is_said(tmp_path):
    (tmp_path / "bad.py").write_text("import nothing_of_this_name")
    with pytest.raises(InputError, match="fails with ModuleNotFoundError"):
        OwnFeatures(str(tmp_path / "bad.py"), "f").build(Samples(points(3, 4)), device=CPU)
    with pytest.raises(InputError, match="no Python file"):
        OwnFeatures(str(tmp_path / "none.py"), "f").build(Samples(points(3, 4)), device=CPU)


# A discriminator's.


def test_a_discriminator_is_seen_before_its_last_layer():
    torch.manual_seed(0)
    body = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh())
    d = torch.nn.Sequential(body, torch.nn.Linear(8, 1), torch.nn.Flatten(0))
    x = points(130, 3)
    features = DiscriminatorFeatures(d)
    assert isinstance(features, FeatureMap)
    torch.testing.assert_close(features(x), body(x).double().detach(), rtol=1e-6, atol=1e-6)
    assert d.training
    assert not d[1]._forward_pre_hooks
    other = torch.nn.Sequential(torch.nn.Linear(3, 1))
    assert DiscriminatorFeatures(other).id != features.id == DiscriminatorFeatures(d).id


def test_a_convolutional_discriminator_is_averaged_over_places_in_its_own_units():
    torch.manual_seed(0)
    d = torch.nn.Sequential(torch.nn.Conv2d(1, 5, 3), torch.nn.ReLU(), torch.nn.Conv2d(5, 1, 6))
    x = images(4, 1, 8, 8)
    features = DiscriminatorFeatures(d, bounds=(-1.0, 1.0))
    expected = d[1](d[0](2 * x - 1)).mean((2, 3)).double().detach()
    torch.testing.assert_close(features(x), expected, rtol=1e-5, atol=1e-6)
    assert features.preprocessing == "[0,1] to [-1,1]"


class NeedsLabels(torch.nn.Module):
    def forward(self, x, y):
        return x


@pytest.mark.parametrize(
    ("d", "sentence"),
    [
        pytest.param(NeedsLabels(), "cannot judge samples alone", id="labels"),
        pytest.param(torch.nn.Flatten(), "no linear or convolutional layer", id="no-layer"),
    ],
)
def test_other_discriminators_are_refused(d, sentence):
    with pytest.raises(InputError, match=sentence):
        DiscriminatorFeatures(d)(points(3, 4))
