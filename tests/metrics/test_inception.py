"""FID's Inception, with generated weights: the graph, its names, and what may be called FID."""

from __future__ import annotations

import re

import pytest
import safetensors.torch
import torch

from gannets.errors import InputError
from gannets.files import digest
from gannets.metrics.classifier import ClassifierScore
from gannets.metrics.comparison import Classifier, FeatureMap
from gannets.metrics.features import Inception, inception
from gannets.metrics.features.inception_net import InceptionNet
from gannets.metrics.samples import Samples
from tests.metrics.helpers import compare
from tests.reference import metrics_inception as oracle

CPU = torch.device("cpu")


def random_state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        shapes = {name: each.shape for name, each in InceptionNet().state_dict().items()}
    state = {}
    for name, shape in shapes.items():
        if name.endswith("tracked"):
            continue  # as in the public file, whose converter is older than the counters
        noise = torch.randn(shape, generator=generator)
        if "running_var" in name or name.endswith("bn.weight"):
            state[name] = 1 + 0.1 * noise.abs()
        elif noise.ndim > 1:
            state[name] = noise * (2 / noise[0].numel()) ** 0.5
        else:
            state[name] = 0.1 * noise
    return state


@pytest.fixture(scope="module")
def state():
    return random_state()


@pytest.fixture(scope="module")
def weights(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "generated.pth"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def images():
    return Samples(torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1)))


def test_the_graph_has_as_many_numbers_as_the_papers_tables():
    with torch.device("meta"):
        net = InceptionNet()
    convolutions, parameters = oracle.numbers()
    assert sum(isinstance(m, torch.nn.Conv2d) for m in net.modules()) == convolutions == 94
    # torchvision states 27,161,264 with 1,000 outputs and an auxiliary head of 3,326,696 (to 1,000
    # classes); 8 more outputs have 8 x 2,049 numbers.
    assert parameters == 27_161_264 - 3_326_696 + 8 * 2049
    assert sum(p.numel() for p in net.parameters()) == parameters == 23_850_960


def test_sides_and_channels_are_the_papers():
    with torch.device("meta"):
        net = InceptionNet().eval()
        seen = {}
        for name, module in net.named_children():
            module.register_forward_hook(
                lambda m, i, o, name=name: seen.update({name: o.shape[1:]})
            )
        assert net(torch.empty(2, 3, 299, 299)).shape == (2, 2048)
    assert {name: tuple(shape[:2]) for name, shape in seen.items()} == {
        "Conv2d_1a_3x3": (32, 149),
        "Conv2d_2a_3x3": (32, 147),
        "Conv2d_2b_3x3": (64, 147),
        "Conv2d_3b_1x1": (80, 73),
        "Conv2d_4a_3x3": (192, 71),
        "Mixed_5b": (256, 35),
        "Mixed_5c": (288, 35),
        "Mixed_5d": (288, 35),
        "Mixed_6a": (768, 17),
        "Mixed_6b": (768, 17),
        "Mixed_6c": (768, 17),
        "Mixed_6d": (768, 17),
        "Mixed_6e": (768, 17),
        "Mixed_7a": (1280, 8),
        "Mixed_7b": (2048, 8),
        "Mixed_7c": (2048, 8),
    }


@pytest.mark.parametrize(
    ("name", "channels", "maximum"),
    [
        pytest.param("Mixed_7b", 1280, False, id="average"),
        pytest.param("Mixed_7c", 2048, True, id="max"),
    ],
)
def test_the_last_blocks_are_those_of_another_hand(state, weights, images, name, channels, maximum):
    net = Inception(str(weights)).build(images, device=CPU).net
    x = torch.randn(1, channels, 8, 8, generator=torch.Generator().manual_seed(2))
    theirs = oracle.last_block(x, state, name, maximum=maximum)
    # float32 sums of up to 4,000 terms of order 1: relative error 1e-6 to 1e-5.
    torch.testing.assert_close(getattr(net, name)(x).double(), theirs, rtol=1e-4, atol=1e-4)


def test_features_and_probabilities(weights, images):
    features = Inception(str(weights)).build(images, device=CPU)
    assert isinstance(features, FeatureMap)
    assert isinstance(features, Classifier)
    seen = features(images.x)
    assert seen.shape == (4, 2048)
    assert seen.std(0).max() > 0
    p = features.probabilities(images.x)
    assert p.shape == (4, 1008)
    logits = seen.float() @ features.net.fc.weight.T  # without the biases
    torch.testing.assert_close(p, logits.double().softmax(1), rtol=1e-4, atol=1e-9)
    # Another size of batch sums in another order: float32's 1e-7, some layers deep.
    torch.testing.assert_close(features(images.x[:1]), seen[:1], rtol=1e-5, atol=1e-6)


def test_pixels_are_rounded_to_levels_not_cut(weights, images):
    """`(x * 255).byte()` would take the levels 0 to 255, stored as float32, half a level down."""
    features = Inception(str(weights)).build(images, device=CPU)
    given: list[torch.Tensor] = []
    features.net.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    levels = torch.arange(256).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    for shift in (-0.4, 0.0, 0.4):
        features((levels + shift).clamp(0, 255) / 255)
    assert torch.equal(given[0], given[1])
    assert torch.equal(given[2], given[1])
    assert given[1].min() == -1
    assert given[1].max() == (255 - 128) / 128


def test_grey_is_repeated_and_recorded(weights):
    grey = Samples(torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1)))
    features = Inception(str(weights)).build(grey, device=CPU)
    assert "grey repeated to RGB" in features.preprocessing
    assert "8x8 to 299x299 by tf1" in features.preprocessing
    assert torch.equal(features(grey.x), features(grey.x.expand(-1, 3, -1, -1)))


def test_only_the_public_file_is_called_fid(weights, images, monkeypatch):
    sha = digest(weights)
    other = Inception(str(weights)).build(images, device=CPU)
    assert other.titles == {}
    assert other.id == f"inception:{sha[:8]}"
    # No one can make a file of a given hash: the hash is made that of the file.
    monkeypatch.setattr(inception, "SHA256", sha[:8])
    known = Inception(str(weights)).build(images, device=CPU)
    assert known.titles == {"FD": "FID", "KD": "KID", "CS": "IS", "FD_inf": "FID_inf"}
    assert Inception(str(weights), resize="bicubic").build(images, device=CPU).titles == {}
    c = compare(images.x, images.x.flip(0), map=known)
    assert c.estimate(None, "fd", "FD", 1.0).name == "FID"
    assert ClassifierScore()(c)[0].name == "IS"
    c = compare(images.x, images.x.flip(0), map=other)
    assert c.estimate(None, "fd", "FD", 1.0).name == f"FD[inception:{sha[:8]}]"


def test_a_changed_byte_is_refused(weights, images, tmp_path, monkeypatch):
    monkeypatch.setattr(inception, "SHA256", digest(weights)[:8])
    blob = bytearray(weights.read_bytes())
    blob[len(blob) // 2] ^= 1
    named = tmp_path / f"pt_inception-2015-12-05-{inception.SHA256}.pth"
    named.write_bytes(blob)
    with pytest.raises(InputError, match="is damaged"):
        Inception(str(named)).build(images, device=CPU)


def test_safetensors_will_do(state, weights, images, tmp_path):
    path = tmp_path / "inception.safetensors"
    safetensors.torch.save_file(state, path)
    ours = Inception(str(path)).build(images, device=CPU)
    assert torch.equal(ours(images.x), Inception(str(weights)).build(images, device=CPU)(images.x))


class Trap:
    """What a pickle can do to who loads it."""

    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"conv": torch.zeros(2)}, id="other-names"),
        pytest.param([1, 2], id="no-state"),
        pytest.param({"x": Trap()}, id="code"),
    ],
)
def test_other_files_are_refused(content, images, tmp_path, capsys):
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(InputError, match="holds no weights of FID's Inception"):
        Inception(str(path)).build(images, device=CPU)
    assert "executed" not in capsys.readouterr().out


def test_a_missing_file_is_described(images):
    for part in ("pt_inception-2015-12-05-6726825d.pth", "91 MiB", "6726825d", "never downloads"):
        with pytest.raises(InputError, match=re.escape(part)):
            Inception("nowhere.pth").build(images, device=CPU)


def test_only_images_are_seen(weights):
    with pytest.raises(InputError, match="grey or RGB"):
        Inception(str(weights)).build(Samples(torch.rand(3, 2)), device=CPU)
