"""DCGAN against figure 1 of Radford et al. (2016), and its geometry against adjoints and loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gannets.game import Players, Space, Stream, both
from gannets.nets import DCGAN, NormalInit, build
from gannets.nets.dcgan import _padding, _sizes

IMAGES = Space((3, 64, 64), 100, bounds=(-1.0, 1.0))


def built(net: DCGAN, space: Space) -> Players[nn.Module]:
    return build(both(net), space, Stream(0, "init"))


def shapes_through(layers: list[nn.Module], run, *inputs: torch.Tensor) -> list[tuple[int, ...]]:
    seen: list[tuple[int, ...]] = []
    hooks = [
        layer.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[1:])))
        for layer in layers
    ]
    with torch.no_grad():
        run(*inputs)
    for hook in hooks:
        hook.remove()
    return seen


@pytest.fixture(scope="module")
def of_figure_1() -> Players[nn.Module]:
    return built(DCGAN(width=128, kernel=5), IMAGES)


def test_figure_1(of_figure_1: Players[nn.Module]) -> None:
    generator, discriminator = of_figure_1.generator.eval(), of_figure_1.discriminator.eval()
    assert generator.base_shape == (1024, 4, 4)
    assert shapes_through(list(generator.stages), generator, torch.zeros(1, 100)) == [
        (512, 8, 8),
        (256, 16, 16),
        (128, 32, 32),
        (3, 64, 64),
    ]
    convolutions = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert shapes_through(convolutions, discriminator, torch.zeros(1, 3, 64, 64)) == [
        (128, 32, 32),
        (256, 16, 16),
        (512, 8, 8),
        (1024, 4, 4),
    ]


def test_figure_1s_parameters_are_counted(of_figure_1: Players[nn.Module]) -> None:
    generator, discriminator = (
        sum(p.numel() for p in net.parameters())
        for net in (of_figure_1.generator, of_figure_1.discriminator)
    )
    kernels = 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    # Two numbers a channel of every batch normalisation; a bias where there is none.
    assert generator == 100 * 1024 * 16 + kernels + 2 * (1024 + 512 + 256 + 128) + 3
    assert discriminator == kernels + 2 * (1024 + 512 + 256) + 128 + (1024 * 16 + 1)


def test_where_batch_normalisation_is_and_biases_are() -> None:
    players = built(DCGAN(width=2), IMAGES)
    kinds = [type(m).__name__ for m in players.discriminator.features]
    assert kinds == ["Conv2d", "LeakyReLU", *3 * ["Conv2d", "BatchNorm2d", "LeakyReLU"], "Flatten"]
    convolutions = [m for m in players.discriminator.features if isinstance(m, nn.Conv2d)]
    assert [m.bias is not None for m in convolutions] == [True, False, False, False]
    assert [m.bias is not None for m in players.generator.stages] == [False, False, False, True]
    assert players.generator.base.bias is None
    assert all(isinstance(m, nn.BatchNorm2d) for m in players.generator.norms)
    slopes = [
        m.negative_slope for m in players.discriminator.features if hasattr(m, "negative_slope")
    ]
    assert slopes == [0.2] * 4


def test_weights_begin_as_stated() -> None:
    players = built(DCGAN(width=32), IMAGES)
    for net in (players.generator, players.discriminator):
        for name, module in net.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                gain = module.weight
                # Five standard errors of a mean and of a standard deviation.
                assert abs(gain.mean().item() - 1) < 5 * 0.02 / math.sqrt(gain.numel()), name
                assert abs(gain.std().item() / 0.02 - 1) < 5 / math.sqrt(2 * gain.numel()), name
                assert not module.bias.any()
            elif isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                n = module.weight.numel()
                assert abs(module.weight.mean().item()) < 5 * 0.02 / math.sqrt(n), name
                assert abs(module.weight.std().item() / 0.02 - 1) < 5 / math.sqrt(2 * n), name
                assert module.bias is None or not module.bias.any()


@pytest.mark.parametrize(
    ("size", "base"),
    [
        ((8, 8), (4, 4)),
        ((28, 28), (4, 4)),
        ((32, 32), (4, 4)),
        ((48, 48), (3, 3)),
        ((64, 64), (4, 4)),
        ((256, 256), (4, 4)),
        ((24, 40), (3, 5)),
        ((7, 7), (4, 4)),
        ((33, 20), (5, 3)),
        ((1, 1), (1, 1)),
        ((3, 100), (1, 25)),
    ],
)
def test_base_grids(size: tuple[int, int], base: tuple[int, int]) -> None:
    sizes = _sizes(*size)
    assert sizes[0] == base
    assert sizes[-1] == size
    assert len(sizes) >= 2
    net = built(DCGAN(width=1), Space((1, *size), 3)).generator
    assert net.base_shape[1:] == base


sides = st.integers(1, 21)


@given(size=st.tuples(sides, sides), kernel=st.integers(2, 7))
def test_ups_and_downs_are_adjoint_and_exact(size: tuple[int, int], kernel: int) -> None:
    # <down(x), y> = <x, up(y)> for one kernel: both take exactly the sizes of `_sizes`.
    small = tuple(-(-side // 2) for side in size)
    padding, extra = _padding(size, kernel)
    random = Stream(3, "adjoint")
    x, y = random.normal(1, 2, *size).double(), random.normal(1, 3, *small).double()
    weight = random.normal(3, 2, kernel, kernel).double()
    down = torch.nn.functional.conv2d(x, weight, stride=2, padding=padding)
    up = torch.nn.functional.conv_transpose2d(
        y, weight, stride=2, padding=padding, output_padding=extra
    )
    assert down.shape == y.shape
    assert up.shape == x.shape
    torch.testing.assert_close((down * y).sum(), (x * up).sum())


@pytest.mark.parametrize(("size", "kernel"), [((5, 6), 4), ((7, 2), 5), ((1, 9), 3)])
def test_the_generators_last_stage_by_loops(size: tuple[int, int], kernel: int) -> None:
    # A transposed convolution writes each value, times the kernel, at twice its place less padding.
    net = DCGAN(width=2, kernel=kernel, batch_norm=False, output="linear", init=NormalInit(1.0))
    stage = built(net, Space((2, *size), 3)).generator.stages[-1]
    height, width = (-(-side // 2) for side in size)
    h = Stream(0, "h").normal(1, stage.in_channels, height, width)
    expected = np.zeros((2, *size))
    weight = stage.weight.detach().numpy()
    (top, left), _ = _padding(size, kernel)
    for c, a, b, out, i, j in np.ndindex(stage.in_channels, height, width, 2, kernel, kernel):
        row, column = 2 * a + i - top, 2 * b + j - left
        if 0 <= row < size[0] and 0 <= column < size[1]:
            expected[out, row, column] += h[0, c, a, b].item() * weight[c, out, i, j]
    np.testing.assert_allclose(stage(h)[0].detach().numpy(), expected, rtol=1e-4, atol=1e-4)
    assert np.abs(expected).min(axis=0).all()  # no pixel is left out


def test_the_generator_by_its_equations() -> None:
    # Radford et al. (2016), section 3: normalise over the batch, rectify, convolve; then tanh.
    generator = built(DCGAN(width=3), Space((2, 12, 20), 5, bounds=(-1.0, 1.0))).generator
    z = Stream(0, "z").normal(6, 5)
    h = (z @ generator.base.weight.T).reshape(6, *generator.base_shape)
    for norm, stage in zip(generator.norms, generator.stages, strict=True):
        mean, variance = h.mean((0, 2, 3)), h.var((0, 2, 3), correction=0)
        h = (h - mean[:, None, None]) / (variance + 1e-5).sqrt()[:, None, None]
        h = (h * norm.weight[:, None, None] + norm.bias[:, None, None]).clamp(min=0)
        h = stage(h)
    torch.testing.assert_close(generator(z), torch.tanh(h))


def test_widths_double_up_to_eight_times() -> None:
    net = built(DCGAN(width=1), Space((3, 512, 512), 2)).generator
    assert [stage.in_channels for stage in net.stages] == [8, 8, 8, 8, 4, 2, 1]


def test_the_conditional_logit_by_einsum() -> None:
    net = DCGAN(width=3, batch_norm=False, init=NormalInit(0.3))
    critic = built(net, Space((2, 9, 16), 5, classes=4)).discriminator
    random = Stream(1, "x")
    x, y = random.normal(6, 2, 9, 16), random.integers(4, 6)
    h = critic.features(x).detach().double().numpy()
    v, w = (t.weight.detach().double().numpy() for t in (critic.projection.embedding, critic.last))
    expected = np.einsum("mf,mf->m", v[y.numpy()], h) + np.einsum("of,mf->m", w, h)
    np.testing.assert_allclose(critic(x, y).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_spectrally_normalised_critic_has_unit_layers() -> None:
    net = DCGAN(width=4, batch_norm=False, spectral_norm=True)
    critic = built(net, Space((1, 16, 16), 5, classes=3)).discriminator
    x, y = Stream(0, "x").normal(2, 1, 16, 16), torch.tensor([0, 1])
    for _ in range(300):
        critic(x, y)
    critic.eval()
    layers = [m for m in critic.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert len(layers) == 4  # two convolutions, the last layer, the projection's vectors
    for layer in layers:
        largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
        assert largest.item() == pytest.approx(1, abs=1e-3)


def test_a_generator_without_batch_norm_hears_the_class_with_the_latent() -> None:
    space = Space((1, 8, 8), 6, classes=3)
    plain = built(DCGAN(width=2, batch_norm=False), space).generator
    assert plain.base.in_features == 12
    normed = built(DCGAN(width=2), space).generator
    assert normed.base.in_features == 6
    assert all(norm.gain.num_embeddings == 3 for norm in normed.norms)
