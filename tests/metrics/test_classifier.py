"""A classifier of one's own, the classifier score in closed form, GAN-train and GAN-test."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from gannets.cli.fit_classifier import fit_classifier as verb
from gannets.data import Digits, open_source
from gannets.errors import InputError
from gannets.metrics.classifier import ClassifierScore, GanTrainTest, classifier_score
from gannets.metrics.comparison import Classifier, Comparison, FeatureMap, Unmeasurable
from gannets.metrics.features import Classified, fit_classifier, load_classifier
from gannets.metrics.samples import Samples
from tests.metrics.helpers import Values, compare


def digits(split: str) -> Samples:
    source = open_source(Digits(split=split), seed=0, device="cpu")
    x, y = source.all()
    return Samples((x + 1) / 2, y, f"digits {split}")


def blobs(n: int, seed: int, apart: float = 4.0) -> Samples:
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    angle = 2 * math.pi * y / 3
    x = apart * torch.stack([angle.cos(), angle.sin()], 1) + torch.randn(n, 2, generator=generator)
    return Samples(x, y, "blobs")


@pytest.fixture(scope="module")
def fitted():
    return fit_classifier(digits("train"), holdout=digits("test"), steps=300)


# The classifier.


def test_it_learns_digits(fitted):
    """k nearest neighbours have 98 %; 300 samples scatter by 1 %."""
    low, high = fitted.interval
    assert fitted.accuracy > 0.95
    assert low < fitted.accuracy < high
    assert fitted.held_out == 300
    p = fitted.probabilities(digits("test").x)
    torch.testing.assert_close(p.sum(1), torch.ones(300).double())
    assert float((p.argmax(1) == digits("test").y).double().mean()) == fitted.accuracy


@pytest.mark.slow
def test_it_learns_mnist(shared_data):
    from gannets.data import data_dir, find

    sets = []
    with data_dir(str(shared_data("mnist").parent)):
        for split in ("train", "test"):
            x, y = open_source(find("mnist"), seed=0, device="cpu", split=split).all()
            sets.append(Samples((x + 1) / 2, y))
    assert fit_classifier(sets[0], holdout=sets[1]).accuracy >= 0.985


def test_it_comes_near_bayes_on_gaussians():
    """Three N(m_k, I) at distance 2 sqrt(3): Bayes is wrong between 4.2 % (one pair's Φ(-√3)) and
    twice that; 2,000 samples scatter by 0.6 %."""
    fitted = fit_classifier(blobs(3000, 0, 2.0), holdout=blobs(2000, 1, 2.0), steps=300)
    error = 1 - fitted.accuracy
    bound = 0.5 * math.erfc(math.sqrt(3) / math.sqrt(2))
    assert bound - 0.015 < error < 2 * bound + 0.015


def test_it_is_a_function_of_samples_and_seed():
    a, b, other = (fit_classifier(blobs(90, 0), steps=20, seed=seed) for seed in (0, 0, 1))
    assert a.id == b.id != other.id


def test_the_global_generator_is_left_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    fit_classifier(blobs(60, 0), steps=2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("event", [(1, 4, 4), (3, 33, 20), (2, 130, 70), (5,), (1,)], ids=str)
def test_it_takes_samples_of_any_shape_in_any_batches(event):
    x = torch.rand(12, *event, generator=torch.Generator().manual_seed(0))
    fitted = fit_classifier(Samples(x, torch.arange(12) % 2), steps=2)
    assert isinstance(fitted, FeatureMap)
    assert isinstance(fitted, Classifier)
    seen = fitted(x)
    assert seen.shape == (12, 64)
    parts = torch.cat([fitted(part) for part in x.split(5)])
    assert float((parts - seen).abs().max()) <= 1e-6 * float(seen.abs().max())


def test_it_is_kept_and_read_back(fitted, tmp_path):
    path = tmp_path / "own"
    fitted.save(path)
    assert sorted(p.name for p in path.iterdir()) == ["config.json", "model.safetensors"]
    back = load_classifier(path)
    x = digits("test").x
    assert back.id == fitted.id
    assert torch.equal(back(x), fitted(x))
    assert (back.accuracy, back.data, back.classes) == (fitted.accuracy, fitted.data, 10)
    features = Classified(str(path)).build(digits("test"), device=torch.device("cpu"))
    assert features.id == fitted.id
    with pytest.raises(InputError, match="is there already"):
        fitted.save(path)
    with pytest.raises(InputError, match="fitted to samples of shape"):
        Classified(str(path)).build(blobs(9, 0), device=torch.device("cpu"))


def test_a_damaged_one_is_refused(fitted, tmp_path):
    path = tmp_path / "own"
    fitted.save(path)
    weights = path / "model.safetensors"
    blob = bytearray(weights.read_bytes())
    blob[-1] ^= 1
    weights.write_bytes(blob)
    with pytest.raises(InputError, match="is damaged"):
        load_classifier(path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "accuracy": 1.0}))
    with pytest.raises(InputError, match="is damaged"):
        load_classifier(path)
    with pytest.raises(InputError, match="is no classifier"):
        load_classifier(tmp_path / "none")


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        pytest.param(Samples(torch.rand(9, 2)), "have no labels", id="no-labels"),
        pytest.param(Samples(torch.rand(9, 2), torch.zeros(9).long()), "one class", id="one-class"),
        pytest.param(Samples(torch.rand(9, 2), torch.arange(9) - 1), "0 to", id="negative"),
        pytest.param(Samples(torch.rand(3, 2), torch.arange(3)), "too few", id="three"),
    ],
)
def test_other_samples_are_refused(samples, sentence):
    with pytest.raises(InputError, match=sentence):
        fit_classifier(samples, steps=1)


# The score.


def test_the_score_in_closed_form():
    certain = torch.eye(4).repeat(5, 1)
    assert classifier_score(certain)[0] == pytest.approx(4, rel=1e-12)
    assert classifier_score(torch.full((6, 4), 0.25))[0] == 1
    assert classifier_score(torch.tensor([[1.0, 0, 0]] * 3))[0] == 1
    # Half the samples of class 0 and half undecided: H(3/4, 1/4) - log(2) / 2.
    half = torch.tensor([[1.0, 0.0], [0.5, 0.5]]).double()
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert classifier_score(half)[0] == pytest.approx(math.exp(entropy - math.log(2) / 2))


def test_the_score_lies_between_1_and_the_number_of_classes():
    generator = torch.Generator().manual_seed(0)
    for scale in (0.0, 1e-8, 1.0, 100.0):
        p = (scale * torch.randn(50, 7, generator=generator)).softmax(1)
        assert 1 <= classifier_score(p)[0] <= 7


@dataclass(frozen=True)
class Given:
    """Samples are their own probabilities."""

    classes: int
    id: str = "given"

    def probabilities(self, x: torch.Tensor) -> torch.Tensor:
        return x.double()


def drawn(n: int, classes: int, seed: int, sharpness: float = 2.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (sharpness * torch.randn(n, classes, generator=generator)).softmax(1)


def test_it_is_the_score_of_the_fakes_and_never_of_the_real():
    """A known tool scores the set before the one asked for, which is the real one."""
    real, fake = torch.eye(5).repeat(20, 1), torch.full((100, 5), 0.2)
    (bad,) = ClassifierScore()(compare(real, fake, classifier=Given(5)))
    (good,) = ClassifierScore()(compare(fake, real, classifier=Given(5)))
    assert (bad.value, bad.floor) == pytest.approx((1, 5))
    assert (good.value, good.floor) == pytest.approx((5, 1))
    assert bad.name == "CS[given]"
    assert any("higher is not better" in note for note in good.notes)
    assert bad.interval[0] <= bad.value <= bad.interval[1]


def test_the_bias_is_downwards_and_as_stated():
    """E log CS_n = log CS - sum_k Var p_k / (2 n p_k): n = 25 against 100,000; 400 repeats scatter
    the mean by the sd of one over 20."""
    large = drawn(100_000, 5, 99).double()
    truth = math.log(classifier_score(large)[0])
    predicted = float((large.var(0) / large.mean(0)).sum()) / (2 * 25)
    logs = torch.tensor([math.log(classifier_score(drawn(25, 5, s))[0]) for s in range(400)])
    # Three standard errors, and a fifth of it for the next order in 1/n.
    tolerance = 3 * float(logs.std()) / 20 + predicted / 5
    assert predicted > 3 * float(logs.std()) / 20  # there is something to be seen
    assert float(logs.mean()) == pytest.approx(truth - predicted, abs=tolerance)


@pytest.mark.parametrize("seed", [0, 10_000], ids=["first", "others"])
def test_interval_and_p_are_calibrated(seed):
    """200 null repeats at n = 100. Coverage 90 to 99 % where 95 is stated: 3 sd are 4.6 %, and the
    interval is of first order. p below 5 % in 1 to 10 % of them, likewise."""
    expected = math.exp(
        sum(math.log(classifier_score(drawn(100, 4, 50_000 + s))[0]) for s in range(400)) / 400
    )
    covered = rejected = 0
    for s in range(seed, seed + 200):
        c = compare(drawn(100, 4, 2 * s + 10**6), drawn(100, 4, 2 * s + 1), classifier=Given(4))
        (e,) = ClassifierScore()(c)
        covered += e.interval[0] <= expected <= e.interval[1]
        rejected += e.p < 0.05
    assert 180 <= covered <= 198
    assert 2 <= rejected <= 20


def test_real_samples_are_as_many_as_fakes():
    c = compare(drawn(300, 4, 0), drawn(40, 4, 1), classifier=Given(4))
    assert ClassifierScore()(c)[0].n == (40, 40)
    c = compare(drawn(40, 4, 0), drawn(300, 4, 1), classifier=Given(4))
    (e,) = ClassifierScore()(c)
    assert e.n == (40, 300)
    assert any("for want of more" in note for note in e.notes)


@dataclass(frozen=True)
class Both(Given):
    """Features that are a classifier's."""

    id: str = "both"
    preprocessing: str = "halved"
    titles: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_features_that_classify_are_the_classifier():
    (e,) = ClassifierScore()(compare(drawn(9, 3, 0), drawn(9, 3, 1), map=Both(3)))
    assert (e.name, e.preprocessing) == ("CS[both]", "halved")
    with pytest.raises(Unmeasurable, match="fit-classifier"):
        ClassifierScore()(compare(drawn(9, 3, 0), drawn(9, 3, 1)))


def test_constant_judgements_have_a_score():
    x = torch.full((2, 3), 1 / 3)
    (e,) = ClassifierScore()(compare(x, x, classifier=Given(3)))
    assert (e.value, e.floor, e.interval, e.p) == (1, 1, (1, 1), None)


def test_the_score_of_digits_through_their_classifier(fitted):
    """Real digits score near 10; one digit repeated scores 1."""
    test = digits("test")
    same = test.x[:1].expand(100, -1, -1, -1)
    (good,) = ClassifierScore()(compare(digits("validation").x, test.x, map=fitted))
    (bad,) = ClassifierScore()(compare(test.x, same, map=fitted))
    assert 8 < good.value <= 10
    assert good.name == f"CS[{fitted.id}]"
    assert bad.value == pytest.approx(1, abs=1e-6)
    assert bad.floor is not None
    assert bad.floor > 8


# GAN-train and GAN-test.


def labelled(real: Samples, fake: Samples, **more: Samples) -> Comparison:
    return Comparison(real=real, fake=fake, map=Values(), **more)


def measured(real: Samples, fake: Samples, **more: Samples):
    return {e.key: e for e in GanTrainTest(steps=150)(labelled(real, fake, **more))}


def test_a_perfect_generator_teaches_as_real_samples_do():
    found = measured(blobs(1200, 0, 2.0), blobs(600, 1, 2.0))
    for e in found.values():
        # Two shares of 600: 3 sd of a difference at 93 % are 4.4 %.
        assert abs(e.excess) < 0.05
        assert e.interval[0] < e.value < e.interval[1]
    assert found["gan_test"].p > 1e-3


def test_wrong_labels_are_seen_by_both():
    fake = blobs(600, 1)
    wrong = Samples(fake.x, (fake.y + 1) % 3, "wrong")
    found = measured(blobs(1200, 0), wrong)
    assert found["gan_train"].value < 0.1
    assert found["gan_test"].value < 0.1
    assert found["gan_test"].p < 1e-6


def test_missing_diversity_is_seen_by_gan_train_alone():
    """One sample a class, off its middle: a classifier fitted to them cuts elsewhere."""
    real = blobs(1200, 0, 2.0)
    noise = 1e-3 * torch.randn(600, 2, generator=torch.Generator().manual_seed(0))
    modes = torch.tensor([[4.0, 0.0], [0.5, 4.0], [-1.0, -2.0]])
    fake = Samples(modes[torch.arange(600) % 3] + noise, torch.arange(600) % 3, "few")
    found = measured(real, fake)
    assert found["gan_test"].value > 0.99
    assert found["gan_train"].excess < -0.03


def test_held_out_samples_are_what_is_tested_on():
    real, held = blobs(300, 0), blobs(200, 2)
    found = measured(real, blobs(250, 1), train=real, holdout=held)
    assert found["gan_train"].n == (200, 250)
    assert found["gan_train"].details["tested_on"] == 200


def test_both_sides_need_labels():
    real = blobs(100, 0)
    with pytest.raises(Unmeasurable, match="fakes have none"):
        GanTrainTest()(labelled(real, Samples(real.x, None, "fakes")))


# The verb.


def test_the_verb_keeps_a_classifier(tmp_path, capsys):
    out = tmp_path / "digits"
    assert verb("digits", out=str(out), steps=50) == 0
    said = capsys.readouterr().out
    classifier = load_classifier(out)
    assert f"{classifier.accuracy:.2%} of 120 held-out samples" in said
    assert f"gannets eval ... --features classifier:{out}" in said
    with pytest.raises(InputError, match="add --force"):
        verb("digits", out=str(out), steps=50)
    assert verb("digits", out=str(out), steps=51, force=True) == 0
    assert load_classifier(out).steps == 51


def test_the_verb_replaces_no_other_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("all of it")
    with pytest.raises(InputError, match="is there already"):
        verb("digits", out=str(tmp_path / "mine"), steps=5, force=True)
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_the_verb_needs_labels(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32))
    with pytest.raises(InputError, match="has no labels"):
        verb(str(path), out=str(tmp_path / "c"))
