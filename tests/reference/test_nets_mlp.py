"""Fully connected nets against NumPy, and the nets of the 2014 paper against their numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from torch import nn

from gannets.errors import InputError
from gannets.game import Players, Space, Stream
from gannets.nets import MLP, MaxoutMLP, NormalInit, TorchInit, UniformInit, build
from gannets.nets.activation import ACTIVATIONS, activation
from gannets.nets.layers import attach
from gannets.nets.output import Output

BY_NUMPY = {
    "relu": lambda a: np.maximum(a, 0),
    "leaky_relu": lambda a: np.where(a > 0, a, 0.2 * a),
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "softplus": lambda a: np.logaddexp(0, a),
    "elu": lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
    "silu": lambda a: a * special.expit(a),
    "gelu": lambda a: a * special.ndtr(a),
}
MNIST = Space((1, 28, 28), 100, bounds=(0.0, 1.0), mean=torch.linspace(0, 1, 784).view(1, 28, 28))
PAPER = Players(
    MLP((1200, 1200), output="sigmoid", init=UniformInit(0.05), bias_from_data=True), MaxoutMLP()
)


def numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def close(ours: torch.Tensor, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(numpy(ours), theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    a = torch.linspace(-6, 6, 101)
    close(activation(name)(a), BY_NUMPY[name](numpy(a)))


def test_every_activation_has_its_formula_here() -> None:
    assert BY_NUMPY.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_both_players_by_numpy(name: str) -> None:
    net = MLP((6, 5), activation=(name, "tanh"), init=NormalInit(0.7))
    space = Space((2, 3), 4, classes=3, bounds=(-1.0, 3.0))
    players = build(Players(net, net), space, Stream(0, "init"))
    random = Stream(0, "inputs")
    y = random.integers(3, 7)
    for module, x in (
        (players.generator, random.normal(7, 4)),
        (players.discriminator, random.normal(7, 2, 3)),
    ):
        table = numpy(module.condition.embedding.weight)
        h = np.concatenate([numpy(x).reshape(7, -1), table[y]], 1)
        linears = [m for m in module.modules() if isinstance(m, nn.Linear)]
        for linear, squash in zip(linears, (BY_NUMPY[name], np.tanh, lambda a: a), strict=True):
            h = squash(h @ numpy(linear.weight).T + numpy(linear.bias))
        is_generator = module is players.generator
        # [-1, 3] is 1 + 2 tanh
        close(module(x, y), (1 + 2 * np.tanh(h)).reshape(7, 2, 3) if is_generator else h[:, 0])


def test_batch_normalisation_by_numpy() -> None:
    net = MLP((6,), batch_norm=True)
    critic = build(Players(MLP(), net), Space((4,), 2), Stream(0, "init")).discriminator
    first, norm, _ = critic.hidden
    assert first.bias is None
    with torch.no_grad():
        norm.weight.copy_(Stream(0, "gain").normal(6))
        norm.bias.copy_(Stream(0, "bias").normal(6))
    x = Stream(0, "x").normal(9, 4)
    a = numpy(x) @ numpy(first.weight).T
    a = (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-5) * numpy(norm.weight) + numpy(norm.bias)
    h = np.maximum(a, 0) @ numpy(critic.last.weight).T + numpy(critic.last.bias)
    close(critic(x), h[:, 0])


# ---- the generator's output


@pytest.mark.parametrize(
    ("output", "bounds", "of"),
    [
        ("auto", None, lambda a: a),
        ("auto", (0.0, 1.0), special.expit),
        ("auto", (-1.0, 1.0), np.tanh),
        ("auto", (0.0, 255.0), lambda a: 127.5 + 127.5 * np.tanh(a)),
        ("linear", (0.0, 1.0), lambda a: a),
        ("sigmoid", (0.2, 0.7), special.expit),
        ("sigmoid", None, special.expit),
        ("tanh", (0.0, 1.0), np.tanh),
    ],
)
def test_outputs(output: str, bounds: tuple[float, float] | None, of) -> None:
    a = torch.linspace(-6, 6, 101, dtype=torch.float64)
    layer = Output(output, bounds, net="MLP")
    close(layer(a), of(numpy(a)))
    torch.testing.assert_close(layer.inverse(layer(a)), a, rtol=0.01, atol=1e-4)


@pytest.mark.parametrize(
    ("output", "bounds", "says"),
    [
        ("sigmoid", (-1.0, 1.0), "from 0 to 1, but the data lie between -1 and 1"),
        ("tanh", (0.0, 255.0), "from -1 to 1, but the data lie between 0 and 255"),
        ("tahn", (-1.0, 1.0), "Did you mean 'tanh'"),
        ("auto", (1.0, 1.0), "low < high"),
    ],
)
def test_outputs_that_cannot_reach_the_data(
    output: str, bounds: tuple[float, float], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        Output(output, bounds, net="MLP")


@given(
    bounds=st.none()
    | st.tuples(st.floats(-10, 10), st.floats(0.1, 20)).map(lambda b: (b[0], b[0] + b[1]))
    | st.sampled_from([(0.0, 1.0), (-1.0, 1.0)]),
    shares=st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_bias_from_data_begins_at_the_mean(
    bounds: tuple[float, float] | None, shares: list[float]
) -> None:
    low, high = bounds or (-5.0, 5.0)
    mean = low + (high - low) * torch.tensor(shares, dtype=torch.float32)
    net = MLP((4,), bias_from_data=True, init=NormalInit(1e-12))
    space = Space((3,), 2, bounds=bounds, mean=mean)
    generator = build(Players(net, MLP()), space, Stream(0, "init")).generator
    torch.testing.assert_close(
        generator(torch.zeros(1, 2))[0], mean, rtol=0, atol=1e-5 * (high - low + abs(low))
    )


def test_a_mean_of_another_shape_is_refused() -> None:
    net, space = MLP(bias_from_data=True), Space((4,), 2, mean=torch.zeros(2, 2))
    with pytest.raises(InputError, match=r"mean of the data has shape \(2, 2\)"):
        net.generator(space)


# ---- Goodfellow et al. (2014), MNIST


def test_the_papers_nets_have_the_papers_sizes() -> None:
    players = build(PAPER, MNIST, Stream(0, "init"))
    generator, discriminator = (
        sum(p.numel() for p in net.parameters())
        for net in (players.generator, players.discriminator)
    )
    assert generator == 100 * 1200 + 1200 + 1200 * 1200 + 1200 + 1200 * 784 + 784
    assert discriminator == 784 * 1200 + 1200 + 240 * 1200 + 1200 + 240 + 1


def test_the_papers_nets_begin_as_its_code_does() -> None:
    players = build(PAPER, MNIST, Stream(0, "init"))
    for net, bound in ((players.generator, 0.05), (players.discriminator, 0.005)):
        for linear in (m for m in net.modules() if isinstance(m, nn.Linear)):
            weight = linear.weight
            assert weight.abs().max() <= bound
            # Uniform: standard deviation bound / sqrt 3, its relative standard error sqrt(.2 / n).
            error = abs(weight.std().item() / (bound / math.sqrt(3)) - 1)
            assert error < 5 * math.sqrt(0.2 / weight.numel())
            assert abs(weight.mean().item()) < 5 * bound / math.sqrt(3 * weight.numel())
            if linear is players.generator.last:
                logit = special.logit(np.clip(numpy(MNIST.mean).ravel(), 1e-7, 1 - 1e-7))
                close(linear.bias, logit)
            else:
                assert not linear.bias.any()


def test_the_papers_discriminator_by_numpy() -> None:
    net = MaxoutMLP(units=(4, 3), pieces=3, init=UniformInit(1.0))
    space = Space((5,), 2, classes=2)
    module = build(Players(MLP(), net), space, Stream(0, "init")).discriminator
    random = Stream(0, "inputs")
    x, y = random.normal(6, 5), random.integers(2, 6)
    linears = [m for m in module.modules() if isinstance(m, nn.Linear)]

    def by_numpy(*masks: np.ndarray) -> np.ndarray:
        h = np.concatenate([numpy(x) * masks[0], numpy(module.condition.embedding.weight)[y]], 1)
        for linear, mask in zip(linears, (*masks[1:], 1.0), strict=True):
            h = h @ numpy(linear.weight).T + numpy(linear.bias)
            if linear is not linears[-1]:
                h = h.reshape(6, -1, 3).max(2) * mask
        return h[:, 0]

    attach(module, Stream(0, "masks"))
    masks = Stream(0, "masks")
    drawn = [
        numpy(masks.uniform(6, width) < keep) * scale
        for width, keep, scale in ((5, 0.8, 1.25), (4, 0.5, 2), (3, 0.5, 2))
    ]
    close(module(x, y), by_numpy(*drawn))
    close(module.eval()(x, y), by_numpy(1.0, 1.0, 1.0))


# ---- how weights begin


@given(inputs=st.integers(1, 50))
def test_torchs_default_is_bounded_by_its_inputs(inputs: int) -> None:
    torch.manual_seed(inputs)
    layer = nn.Linear(inputs, 400)
    before = layer.weight.clone(), layer.bias.clone()
    TorchInit()(layer)
    assert torch.equal(layer.weight, before[0])
    assert torch.equal(layer.bias, before[1])
    for tensor in before:
        largest = tensor.abs().max().item()
        assert 0.9 / math.sqrt(inputs) < largest <= 1 / math.sqrt(inputs) + 1e-7


@pytest.mark.parametrize(
    ("init", "std", "kurtosis"),
    [(UniformInit(0.3), 0.3 / math.sqrt(3), 1.8), (NormalInit(0.4), 0.4, 3)],
)
def test_inits_have_their_distributions(init, std: float, kurtosis: float) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(400, 300)
    init(layer)
    w = numpy(layer.weight).ravel()
    assert abs(w.mean()) < 5 * std / math.sqrt(w.size)
    assert w.std() == pytest.approx(std, rel=0.01)
    assert (w**4).mean() / w.var() ** 2 == pytest.approx(kurtosis, rel=0.02)
    assert not layer.bias.any()


def test_class_vectors_begin_as_loud_as_the_latent() -> None:
    space = Space((3,), 100, classes=40)
    net = build(Players(MLP(), MLP()), space, Stream(0, "init"))
    table = net.generator.condition.embedding.weight
    assert table.shape == (40, 100)
    assert table.std().item() == pytest.approx(1, abs=5 / math.sqrt(2 * 4000))
    assert net.discriminator.condition.embedding.weight.shape == (40, 40)
    many = build(Players(MLP(), MLP()), Space((3,), 2, classes=1000), Stream(0, "init"))
    assert many.discriminator.condition.embedding.weight.shape == (1000, 128)
