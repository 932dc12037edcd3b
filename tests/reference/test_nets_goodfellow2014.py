"""The nets of the 2014 paper on faces and CIFAR-10, against plain functions and their numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from gannets import recipes
from gannets.errors import InputError
from gannets.game import Players, Space, Stream
from gannets.nets import (
    MLP,
    Biased,
    DeconvMLP,
    MaxoutCNN,
    MaxoutStage,
    NormalInit,
    SparseInit,
    Stacked,
    UniformInit,
    build,
)
from gannets.nets.layers import UntiedDeconv2d, attach
from gannets.nets.maxout_conv import CoveringPool

CIFAR = Space((3, 32, 32), 100, bounds=(-4.0, 4.0))


# ---- the deconvolution


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "grid"),
    [((8, 11), 5, 3, (2, 3)), ((7, 4), 4, 2, (3, 1)), ((2, 9), 3, 3, (1, 3))],
)
def test_an_untied_deconvolution_by_loops(
    size: tuple[int, int], kernel: int, stride: int, grid: tuple[int, int]
) -> None:
    layer = UntiedDeconv2d(3, 2, size=size, kernel=kernel, stride=stride)
    assert layer.grid == grid
    random = Stream(7, "numbers")
    x = random.normal(4, 3, *grid)
    with torch.no_grad():
        layer.bias.copy_(random.normal(2, *size))
    expected = np.tile(layer.bias.detach().numpy(), (4, 1, 1, 1))
    weight = layer.weight.detach().numpy()
    for row, i, a, b in np.ndindex(4, 3, *grid):
        for c, p, q in np.ndindex(2, kernel, kernel):
            v, u = stride * a + p, stride * b + q
            if v < size[0] and u < size[1]:
                expected[row, c, v, u] += x[row, i, a, b].item() * weight[i, c, p, q]
    # Sums of 27 products in float32, in another order.
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_the_generator_by_functions() -> None:
    net = DeconvMLP((7,), channels=4, activation=("relu", "sigmoid"), init=NormalInit(0.5))
    space = Space((3, 8, 11), 6, bounds=(-4.0, 4.0))
    module = build(Players(net, MLP()), space, Stream(0, "init")).generator
    z = Stream(0, "z").normal(5, 6)
    one, _, two, _ = module.hidden
    h = F.relu(F.linear(z, one.weight, one.bias))
    h = torch.sigmoid(F.linear(h, two.weight, two.bias)).reshape(5, 4, 2, 3)
    a = F.conv_transpose2d(h, module.last.weight, stride=3) + module.last.bias
    torch.testing.assert_close(module(z), 4 * torch.tanh(a))


# ---- maxout convolutions


@given(side=st.integers(1, 12), other=st.integers(1, 12), data=st.data())
def test_pools_cover_the_image(side: int, other: int, data: st.DataObject) -> None:
    pool = data.draw(st.integers(1, 5))
    stride = data.draw(st.integers(1, pool))
    x = Stream(0, "x").normal(2, 3, side, other)
    found = CoveringPool(pool, stride)(x)
    # ceil((side - pool) / stride) + 1 pools, the last of which may reach over the end.
    rows, columns = (1 + max(0, math.ceil((n - pool) / stride)) for n in (side, other))
    expected = torch.stack(
        [
            torch.stack(
                [
                    x[:, :, stride * a : stride * a + pool, stride * b : stride * b + pool].amax(
                        (2, 3)
                    )
                    for b in range(columns)
                ],
                2,
            )
            for a in range(rows)
        ],
        2,
    )
    assert torch.equal(found, expected)


def test_the_discriminator_by_functions() -> None:
    stages = (MaxoutStage(3, 4, 2, pool=3, stride=2), MaxoutStage(2, 3, 1, pool=2, stride=2))
    net = MaxoutCNN(stages, conv_pieces=2, units=(4,), pieces=3, init=NormalInit(0.5))
    module = build(Players(MLP(), net), Space((2, 8, 8), 3), Stream(0, "init")).discriminator
    x = Stream(0, "x").normal(6, 2, 8, 8)
    first, second = module.convolutions[0].conv, module.convolutions[3].conv

    def pooled(h: Tensor, sides: int, pool: int) -> Tensor:
        over = F.pad(h, (0, 1, 0, 1), value=-math.inf)  # what the last pools reach over
        return F.max_pool2d(over, pool, 2)[:, :, :sides, :sides]

    def by_functions(*masks: Tensor | float) -> Tensor:
        h = F.conv2d(x * masks[0], first.weight, first.bias, padding=2)
        h = torch.maximum(h[:, 0::2], h[:, 1::2])  # 9 x 9
        h = pooled(h, 4, 3) * masks[1]
        h = F.conv2d(h, second.weight, second.bias, padding=1)
        h = pooled(torch.maximum(h[:, 0::2], h[:, 1::2]), 2, 2) * masks[2]
        dense = module.hidden[0].linear
        h = F.linear(h.flatten(1), dense.weight, dense.bias).reshape(6, 4, 3).amax(2) * masks[3]
        return F.linear(h, module.last.weight, module.last.bias)[:, 0]

    attach(module, Stream(0, "masks"))
    masks = Stream(0, "masks")
    shapes = ((6, 2, 8, 8), (6, 3, 4, 4), (6, 2, 2, 2), (6, 4))
    drawn = [
        (masks.uniform(*shape) < keep).float() * scale
        for shape, keep, scale in zip(
            shapes, (0.8, 0.5, 0.5, 0.5), (1.25, 2.0, 2.0, 2.0), strict=True
        )
    ]
    torch.testing.assert_close(module(x), by_functions(*drawn))
    torch.testing.assert_close(module.eval()(x), by_functions(1.0, 1.0, 1.0, 1.0))


def test_an_image_that_is_used_up_is_a_sentence() -> None:
    with pytest.raises(InputError, match="kernel larger than what is left of images of 4 x 4"):
        MaxoutCNN((MaxoutStage(2, 3), MaxoutStage(2, 3))).discriminator(Space((1, 4, 4), 2))


# ---- the sizes of the paper's code


def test_the_convolutional_discriminator_of_the_code() -> None:
    """Its convolutions make 33, 15 and 9 places a side: `partial_sum` 33 and 15 divide the first
    two, as they must there, and that needs pools that reach over the end (16 and 7, not 15)."""
    net = recipes.get("goodfellow2014_cifar10_conv").nets.discriminator
    assert net == MaxoutCNN()
    module = net.discriminator(CIFAR).eval()
    x, sides = torch.zeros(1, 3, 32, 32), []
    for layer in module.convolutions:
        x = layer(x)
        if not isinstance(layer, nn.Identity) and (not sides or sides[-1] != x.shape[2]):
            sides.append(x.shape[2])
    assert sides == [33, 16, 15, 7, 9, 5]
    kernels = 3 * 64 * 64 + 32 * 64 * 64 + 32 * 384 * 25
    dense = 192 * 25 * 2500 + 500
    biases = 64 + 64 + 384 + 2500 + 1
    assert sum(p.numel() for p in module.parameters()) == kernels + dense + biases


def test_the_generators_of_the_code() -> None:
    def count(name: str, space: Space) -> int:
        net = recipes.get(name).nets.generator
        with torch.device("meta"):
            return sum(p.numel() for p in net.generator(space).parameters())

    below = 100 * 8000 + 8000 + 8000 * 8000 + 8000
    conv = below + 80 * 3 * 25 + 3 * 32 * 32
    assert count("goodfellow2014_cifar10_conv", CIFAR) == conv
    assert count("goodfellow2014_cifar10", CIFAR) == below + 8000 * 3072 + 3072


# ---- one generator on another


def test_a_stack_is_the_one_of_the_other() -> None:
    bottom, top = MLP((6,), output="sigmoid"), MLP((5,), output="sigmoid", bias_from_data=True)
    space = Space((2, 3), 4, bounds=(0.0, 1.0), mean=torch.full((2, 3), 0.2))
    module = build(Players(Stacked(bottom, top, 7), MLP()), space, Stream(0, "init")).generator
    z = Stream(0, "z").normal(5, 4)
    one, two = module.bottom, module.top
    h = torch.sigmoid(one.last(F.relu(one.hidden[0](z))))
    assert h.shape == (5, 7)
    x = torch.sigmoid(two.last(F.relu(two.hidden[0](h)))).reshape(5, 2, 3)
    torch.testing.assert_close(module(z), x)
    alone = top.generator(Space((2, 3), 7, bounds=(0.0, 1.0), mean=space.mean))
    assert two.state_dict().keys() == alone.state_dict().keys()


# ---- how weights begin


def test_sparse_weights() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(400, 300)
    SparseInit(20, std=2.0)(layer)
    w = layer.weight.detach().numpy()
    assert not layer.bias.any()
    there = w != 0
    assert (there.sum(1) == 20).all()
    # How often an input is chosen is binomial(300, 1 / 20), 15 +- 3.8: five standard errors of
    # its variance over 400 inputs, and of the weights' moments.
    chosen = there.sum(0)
    assert chosen.sum() == 6000
    variance = 300 * 0.05 * 0.95
    assert chosen.var() == pytest.approx(variance, abs=5 * variance * math.sqrt(2 / 400))
    values = w[there]
    assert abs(values.mean()) < 5 * 2 / math.sqrt(6000)
    assert values.std() == pytest.approx(2, rel=5 / math.sqrt(2 * 6000))
    kernel = nn.Conv2d(3, 4, 5)
    SparseInit(7)(kernel)
    assert (kernel.weight.flatten(1) != 0).sum(1).tolist() == [7] * 4
    with pytest.raises(InputError, match="at least as many inputs, and this one has 5"):
        SparseInit(6)(nn.Linear(5, 2))


def test_biases_begin_where_they_are_told() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(50, 40)
    Biased(UniformInit(0.1), bias=-2.0)(layer)
    assert (layer.bias == -2).all()
    assert 0.09 < layer.weight.abs().max() <= 0.1
    Biased(UniformInit(0.1), bias=-2.0)(nn.Linear(3, 2, bias=False))  # has none to fill


def test_each_layer_of_an_mlp_begins_in_its_own_way() -> None:
    net = MLP((30, 20), init=(NormalInit(3.0), Biased(UniformInit(0.01), -2.0), SparseInit(4)))
    players = build(Players(net, net), Space((5,), 10), Stream(0, "init"))
    for module in (players.generator, players.discriminator):
        one, _, two, _ = module.hidden
        assert one.weight.std() > 1
        assert two.weight.abs().max() <= 0.01
        assert (two.bias == -2).all()
        assert ((module.last.weight != 0).sum(1) == 4).all()
