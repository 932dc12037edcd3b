"""What every net owes. Enrolled: each public dataclass of gannets.nets that describes a player."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gannets import nets
from gannets.errors import InputError
from gannets.game import Players, Space, Stream, both
from gannets.nets import (
    DCGAN,
    MLP,
    Biased,
    DeconvMLP,
    MaxoutCNN,
    MaxoutMLP,
    MaxoutStage,
    NormalInit,
    SparseInit,
    Stacked,
    TorchInit,
    UniformInit,
    build,
)
from gannets.nets.layers import Dropout, attach

DESCRIPTIONS = [
    value
    for value in map(vars(nets).get, nets.__all__)
    if dataclasses.is_dataclass(value)
    and (hasattr(value, "generator") or hasattr(value, "discriminator"))
]
# Other settings than the default ones.
VARIANTS: list[Any] = [
    MLP((16, 8), activation=("softplus", "tanh"), init=NormalInit(0.1)),
    MLP((16,), batch_norm=True, activation="leaky_relu"),
    MLP(()),
    MaxoutMLP(units=(12, 8, 6), pieces=3, keep=(1.0, 0.7), init=UniformInit(0.2)),
    DCGAN(width=4, kernel=5, batch_norm=False, init=NormalInit(0.2)),
    DCGAN(width=4, batch_norm=False, spectral_norm=True),
    DCGAN(width=4, kernel=3, spectral_norm=True),
    DCGAN(width=4, batch_norm=False, init=TorchInit()),
    MLP(
        (16, 8),
        ("relu", "sigmoid"),
        init=(UniformInit(0.3), Biased(UniformInit(0.3), -2.0), SparseInit(3)),
    ),
    DeconvMLP((8, 8), channels=3, kernel=4, stride=4, activation=("elu", "tanh", "sigmoid")),
    MaxoutCNN(
        (MaxoutStage(3, 3, 1, pool=3, stride=2), MaxoutStage(2, 2)), 3, (), init=UniformInit(0.3)
    ),
    Stacked(MLP((6,), output="sigmoid"), MLP((5,)), width=4),
    Stacked(MLP((6,)), DeconvMLP((8,), channels=3), width=4),
]
NETS = [*(description() for description in DESCRIPTIONS), *VARIANTS]
SPACES = [
    Space((2, 9, 16), 5, bounds=(-1.0, 1.0)),
    Space((2, 9, 16), 5, classes=3, bounds=(0.0, 1.0)),
    Space((7,), 5),
    Space((7,), 5, classes=3, bounds=(-2.0, 6.0)),
]


def takes(net: Any, space: Space) -> bool:
    if isinstance(net, Stacked):
        return takes(net.top, space)
    return not isinstance(net, DCGAN | DeconvMLP | MaxoutCNN) or len(space.event) == 3


def cases(player: str) -> list[Any]:
    return [
        pytest.param(net, space, id=f"{net!r}-{len(space.event)}d-{space.classes}classes")
        for net in NETS
        for space in SPACES
        if hasattr(net, player) and takes(net, space)
    ]


def made(net: Any, player: str, space: Space, seed: int = 0) -> nn.Module:
    """One player's module, in training, as `build` makes it; the other player is a small MLP."""
    other = MLP((2,))
    pair = Players(net, other) if player == "generator" else Players(other, net)
    module: nn.Module = build(pair, space, Stream(seed, "init"))[player]  # type: ignore[index]
    attach(module, Stream(seed, "nets"))
    return module


def arguments(player: str, space: Space, m: int, seed: int = 0) -> tuple[Tensor, ...]:
    random = Stream(seed, "inputs")
    shape = (space.latent,) if player == "generator" else space.event
    first = random.normal(m, *shape)
    return (first,) if space.classes is None else (first, random.integers(space.classes, m))


def tensors(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def in_production() -> Iterator[None]:
    """Shapes are not checked by type, as outside of tests: what the net itself says is seen."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def test_every_kind_of_net_is_enrolled() -> None:
    assert {d.__name__ for d in DESCRIPTIONS} >= {
        "MLP",
        "MaxoutMLP",
        "DCGAN",
        "DeconvMLP",
        "MaxoutCNN",
        "Stacked",
    }


@pytest.mark.parametrize("net", NETS, ids=repr)
def test_a_description_prints_as_the_expression_that_makes_it(net: Any) -> None:
    assert eval(repr(net), vars(nets)) == net
    assert hash(net) == hash(copy.deepcopy(net))


# ---- what both players owe

PLAYED = [
    pytest.param(player, *case.values, id=f"{player}-{case.id}")
    for player in ("generator", "discriminator")
    for case in cases(player)
]


@pytest.mark.parametrize(("player", "net", "space"), PLAYED)
def test_weights_are_a_function_of_the_stream_alone(player: str, net: Any, space: Space) -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = made(net, player, space)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert equal(tensors(made(net, player, space)), tensors(first))
    other = tensors(made(net, player, space, seed=1))
    assert not equal(other, tensors(first))


@pytest.mark.parametrize(("player", "net", "space"), PLAYED)
def test_one_players_size_leaves_the_others_weights(player: str, net: Any, space: Space) -> None:
    other = "discriminator" if player == "generator" else "generator"

    def weights(hidden: tuple[int, ...]) -> dict[str, Tensor]:
        pair = Players(**{player: net, other: MLP(hidden)})
        return tensors(build(pair, space, Stream(0, "init"))[player])  # type: ignore[index]

    assert equal(weights((3,)), weights((50, 4)))


@pytest.mark.parametrize(("player", "net", "space"), PLAYED)
def test_the_gradient_reaches_every_parameter(player: str, net: Any, space: Space) -> None:
    module, given = made(net, player, space), arguments(player, space, 24)
    output = module(*given)
    # Random weights: a plain sum does not see what comes before batch normalisation.
    loss = (output * Stream(0, "weights").normal(*output.shape)).sum()
    gradients = torch.autograd.grad(loss, list(module.parameters()))
    for (name, _), gradient in zip(module.named_parameters(), gradients, strict=True):
        assert gradient.isfinite().all(), name
        assert gradient.abs().max() > 0, name


@pytest.mark.parametrize(("player", "net", "space"), PLAYED)
def test_a_saved_net_is_the_same_net(player: str, net: Any, space: Space, tmp_path: Path) -> None:
    module, given = made(net, player, space), arguments(player, space, 6)
    module(*given)  # running statistics and singular vectors have moved
    state = module.state_dict()
    places = [tensor.untyped_storage().data_ptr() for tensor in state.values()]
    assert len(set(places)) == len(places), "tensors share storage, which safetensors refuses"
    safetensors.torch.save_file(state, tmp_path / "net.safetensors")
    again = made(net, player, space, seed=1)
    again.load_state_dict(safetensors.torch.load_file(tmp_path / "net.safetensors"))
    for mode in (False, True):  # training last: it moves the state on
        for one in (module.train(mode), again.train(mode)):
            attach(one, Stream(0, "nets"))
        assert torch.equal(module(*given), again(*given))
    assert equal(tensors(module), tensors(again))


@pytest.mark.parametrize(("player", "net", "space"), PLAYED)
def test_wrong_inputs_are_sentences(
    player: str, net: Any, space: Space, in_production: None
) -> None:
    module, (first, *labels) = made(net, player, space), arguments(player, space, 4)
    with pytest.raises(InputError, match="takes a batch of shape"):
        module(first[:, :-1], *labels)
    with pytest.raises(InputError, match="takes a batch of shape"):
        module(first[0], *labels)
    if space.classes is None:
        with pytest.raises(InputError, match="built without classes"):
            module(first, torch.zeros(4, dtype=torch.int64))
        return
    with pytest.raises(InputError, match="built for 3 classes"):
        module(first)
    for wrong in (labels[0][:3], labels[0][:, None], labels[0].float()):
        with pytest.raises(InputError, match=r"takes labels of shape \(4,\), integers from 0 to 2"):
            module(first, wrong)


# ---- the generator


@pytest.mark.parametrize(("net", "space"), cases("generator"))
def test_samples_have_the_datas_shape_and_bounds(net: Any, space: Space) -> None:
    module = made(net, "generator", space)
    outermost = module.top if isinstance(net, Stacked) else module
    last = outermost.stages[-1] if isinstance(net, DCGAN) else outermost.last
    low, high = space.bounds or (-1000.0, 1000.0)
    for push, edge in ((-1000.0, low), (1000.0, high)):
        with torch.no_grad():
            last.bias.fill_(push)
            x = module(*arguments("generator", space, 6))
        assert x.shape == (6, *space.event)
        if space.bounds is not None:
            assert low <= x.min()
            assert x.max() <= high
        torch.testing.assert_close(x, torch.full_like(x, edge), rtol=0.01, atol=1e-6)


@pytest.mark.parametrize(("net", "space"), cases("generator"))
def test_samples_depend_on_latent_and_class(net: Any, space: Space) -> None:
    module = made(net, "generator", space).eval()
    z, *labels = arguments("generator", space, 6)
    x = module(z, *labels)
    assert not torch.allclose(x[0], x[1], atol=1e-8)
    if labels:
        other = (labels[0] + 1) % 3
        assert not torch.allclose(x, module(z, other), atol=1e-8)


# ---- the discriminator


@pytest.mark.parametrize(("net", "space"), cases("discriminator"))
def test_judges_alone_is_what_it_says(net: Any, space: Space) -> None:
    # In training: the derivative of one row's logit with respect to the other rows.
    module = made(net, "discriminator", space)
    x, *labels = arguments("discriminator", space, 8)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(module(x, *labels)[0], x)
    assert slope[0].abs().max() > 0
    assert module.judges_alone == bool((slope[1:] == 0).all())
    has_batch_norm = any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in module.modules())
    assert module.judges_alone is not has_batch_norm


@pytest.mark.parametrize(("net", "space"), cases("discriminator"))
def test_one_pass_judges_as_two(net: Any, space: Space) -> None:
    module = made(net, "discriminator", space).eval()
    a, b = (arguments("discriminator", space, 5, seed) for seed in (0, 1))
    joined = tuple(torch.cat(pair) for pair in zip(a, b, strict=True))
    apart = torch.cat((module(*a), module(*b)))
    assert apart.shape == (10,)
    torch.testing.assert_close(module(*joined), apart)


def alone() -> list[Any]:
    return [c for c in cases("discriminator") if not getattr(c.values[0], "batch_norm", False)]


@pytest.mark.parametrize(("net", "space"), alone())
def test_gradient_penalty_by_tape_and_by_function_agree(net: Any, space: Space) -> None:
    module = made(net, "discriminator", space)
    x, *labels = arguments("discriminator", space, 6)
    state = tensors(module)

    parameters = list(module.parameters())

    def by_tape(x: Tensor) -> Tensor:
        x = x.clone().requires_grad_()
        return torch.autograd.grad(module(x, *labels).sum(), x, create_graph=True)[0]

    by_function = torch.func.grad(lambda x: module(x, *labels).sum())
    found = []
    for slope_at in (by_tape, by_function):
        module.load_state_dict(state)  # the same singular vectors
        attach(module, Stream(0, "nets"))  # the same masks
        slope = slope_at(x)
        penalty = slope.flatten(1).square().sum(1).mean()
        gradient = torch.autograd.grad(penalty, parameters, materialize_grads=True)
        assert all(g.isfinite().all() for g in gradient)
        assert any(g.abs().max() > 0 for g in gradient)
        found.append((slope.detach(), gradient))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize(("net", "space"), alone())
def test_second_derivatives_match_finite_differences(net: Any, space: Space) -> None:
    # d/dt of the gradient penalty at weights w + t v, in double precision.
    module = made(net, "discriminator", space).double().eval()
    x, *labels = arguments("discriminator", space, 6)
    x = x.double().requires_grad_()

    def penalty(**how: bool) -> Tensor:
        (slope,) = torch.autograd.grad(module(x, *labels).sum(), x, create_graph=True)
        return slope.square().sum()

    parameters = list(module.parameters())
    directions = [Stream(1, "v").at(i).normal(*p.shape).double() for i, p in enumerate(parameters)]
    gradient = torch.autograd.grad(penalty(), parameters, materialize_grads=True)
    slope = sum((g * v).sum() for g, v in zip(gradient, directions, strict=True))

    def at(t: float) -> Tensor:
        with torch.no_grad():
            for p, v in zip(parameters, directions, strict=True):
                p.add_(t * v)
        value = penalty().detach()
        with torch.no_grad():
            for p, v in zip(parameters, directions, strict=True):
                p.sub_(t * v)
        return value

    # Between the kinks, of which the convolutions' thousands of maxima have more.
    h = 1e-10 if isinstance(net, MaxoutCNN) else 1e-8
    torch.testing.assert_close(slope, (at(h) - at(-h)) / (2 * h), rtol=1e-4, atol=0)


# ---- sizes

sides = st.integers(1, 40)


@settings(max_examples=60)
@given(
    event=st.tuples(st.integers(1, 5), sides, sides),
    kernel=st.integers(2, 6),
    batch_norm=st.booleans(),
    classes=st.none() | st.integers(1, 4),
    latent=st.integers(1, 7),
)
def test_dcgan_fits_images_of_any_size(
    event: tuple[int, int, int], kernel: int, batch_norm: bool, classes: int | None, latent: int
) -> None:
    net = DCGAN(width=2, kernel=kernel, batch_norm=batch_norm)
    space = Space(event, latent, classes=classes, bounds=(-1.0, 1.0))
    players = build(both(net), space, Stream(0, "init"))
    x = players.generator(*arguments("generator", space, 3))
    assert x.shape == (3, *event)
    labels = arguments("discriminator", space, 3)[1:]
    assert players.discriminator(x, *labels).shape == (3,)
    _, height, width = players.generator.base_shape
    assert players.discriminator.last.in_features == 2 * height * width * min(
        2 ** (len(players.generator.stages) - 1), 8
    )
    stages = len(players.generator.stages)
    assert (height, width) == tuple(-(-side // 2**stages) for side in event[1:])


@settings(max_examples=25)
@given(
    event=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple),
    hidden=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    batch_norm=st.booleans(),
    classes=st.none() | st.integers(1, 4),
)
def test_mlp_fits_samples_of_any_shape(
    event: tuple[int, ...], hidden: tuple[int, ...], batch_norm: bool, classes: int | None
) -> None:
    space = Space(event, 3, classes=classes)
    players = build(both(MLP(hidden, batch_norm=batch_norm)), space, Stream(0, "init"))
    x = players.generator(*arguments("generator", space, 3))
    assert x.shape == (3, *event)
    labels = arguments("discriminator", space, 3)[1:]
    assert players.discriminator(x, *labels).shape == (3,)


# ---- building


def test_the_players_draw_apart() -> None:
    players = build(both(MLP((50,))), Space((40,), 40), Stream(0, "init"))
    generator, discriminator = (
        net.hidden[0].weight for net in (players.generator, players.discriminator)
    )
    correlation = torch.corrcoef(torch.stack((generator.flatten(), discriminator.flatten())))[0, 1]
    assert abs(correlation.item()) < 5 / 2000**0.5


def test_a_function_will_do() -> None:
    def linear(space: Space) -> nn.Module:
        return nn.Sequential(nn.Linear(space.latent, 6), nn.Unflatten(1, space.event))

    space = Space((1, 2, 3), 4)
    first, second = (
        build(Players(linear, MLP()), space, Stream(0, "init")).generator for _ in range(2)
    )
    assert equal(tensors(first), tensors(second))
    assert first(torch.zeros(5, 4)).shape == (5, 1, 2, 3)


def test_each_player_may_have_a_space_of_its_own() -> None:
    # D sees packs of two.
    spaces = Players(Space((2, 8, 8), 4), Space((4, 8, 8), 4))
    players = build(both(DCGAN(width=2)), spaces, Stream(0, "init"))
    pack = players.generator(torch.zeros(6, 4)).reshape(3, 4, 8, 8)
    assert players.discriminator(pack).shape == (3,)


def test_building_leaves_modes_and_statistics_alone() -> None:
    def half_frozen(space: Space) -> nn.Module:
        return nn.Sequential(
            nn.Linear(4, 5), nn.BatchNorm1d(5).eval(), nn.Linear(5, 1), nn.Flatten(0)
        )

    space = Space((4,), 2)
    module = build(Players(MLP(), half_frozen), space, Stream(0, "init")).discriminator
    assert [m.training for m in module] == [True, False, True, True]
    assert module[1].num_batches_tracked == 0


def one_column(space: Space) -> nn.Module:
    return nn.Linear(space.event[0], 1)


@pytest.mark.parametrize(
    ("nets", "says"),
    [
        (Players(MaxoutMLP(), MLP()), "MaxoutMLP describes no generator"),
        (Players(MLP(), 3), "int describes no discriminator"),
        (Players(MLP, MLP()), "MLP describes no generator"),
        (Players(MLP(), nn.Linear(3, 1)), "discriminator is given as a module that exists"),
        (Players(MLP(), one_column), r"makes \(2, 1\) of a batch of 2, but must make \(2,\)"),
        (Players(lambda space: nn.Linear(4, 5), MLP()), r"makes \(2, 5\).*must make \(2, 3\)"),
        (Players(DCGAN(), MLP()), r"DCGAN is for images .* shape \(3,\): use MLP"),
        (Players(MLP(), DCGAN()), r"DCGAN is for images .* shape \(3,\): use MLP"),
        (Players(MLP(), MLP(output="sigmoid")), "cannot be a discriminator"),
        (Players(MLP(), MLP(bias_from_data=True)), "cannot be a discriminator"),
        (Players(MLP(bias_from_data=True), MLP()), "needs the mean of the data"),
    ],
)
def test_what_cannot_be_built_is_a_sentence(nets: Players[Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        build(nets, Space((3,), 4), Stream(0, "init"))


@pytest.mark.parametrize("net", [description() for description in DESCRIPTIONS], ids=repr)
@pytest.mark.parametrize(
    ("space", "says"),
    [
        (Space((), 4), "samples of shape"),
        (Space((3, 0, 8), 4), "samples of shape"),
        (Space((3, 8, 8), 0), "latent dimension of at least 1"),
        (Space((3, 8, 8), 4, classes=0), "at least 1 class"),
    ],
)
def test_empty_spaces_are_refused(net: Any, space: Space, says: str) -> None:
    for player in ("generator", "discriminator"):
        if hasattr(net, player):
            with pytest.raises(InputError, match=says):
                getattr(net, player)(space)


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        (MLP, {"hidden": (3, 0)}, "MLP.hidden takes a tuple of integers >= 1"),
        (MLP, {"hidden": [3]}, "MLP.hidden takes a tuple of integers >= 1"),
        (MLP, {"hidden": 3}, "MLP.hidden takes a tuple of integers >= 1"),
        (MLP, {"activation": "rleu"}, "Did you mean 'relu'"),
        (MLP, {"activation": "rleu", "hidden": ()}, "Did you mean 'relu'"),
        (MLP, {"activation": ("relu",)}, "2 layers but 1 activations"),
        (MLP, {"output": "sigmod"}, "Did you mean 'sigmoid'"),
        (MaxoutMLP, {"units": (0,)}, "MaxoutMLP.units takes a tuple"),
        (MaxoutMLP, {"pieces": 0}, "pieces must be at least 1"),
        (MaxoutMLP, {"keep": (0.0, 0.5)}, "above 0 and at most 1, not 0.0"),
        (MaxoutMLP, {"keep": (0.8, 1.5)}, "above 0 and at most 1, not 1.5"),
        (MaxoutMLP, {"keep": (0.8, float("nan"))}, "above 0 and at most 1, not nan"),
        (MaxoutMLP, {"keep": (0.8,)}, "takes two shares"),
        (DCGAN, {"width": 0}, "width must be at least 1"),
        (DCGAN, {"kernel": 1}, "kernel must be at least 2"),
        (DCGAN, {"output": "tahn"}, "Did you mean 'tanh'"),
        (MLP, {"init": (TorchInit(),) * 2}, "3 layers with weights, its last included, but 2"),
        (DeconvMLP, {"channels": 0}, "channels must be at least 1"),
        (DeconvMLP, {"stride": 6}, "leaves pixels out"),
        (DeconvMLP, {"activation": ("relu",)}, "2 dense layers, the grid included, but 1"),
        (DeconvMLP, {"output": "tahn"}, "Did you mean 'tanh'"),
        (MaxoutStage, {"channels": 0, "kernel": 3}, "channels must be at least 1"),
        (MaxoutStage, {"channels": 3, "kernel": 3, "padding": 3}, "from 0 to the kernel less 1"),
        (MaxoutStage, {"channels": 3, "kernel": 3, "stride": 2}, "leaves places out"),
        (MaxoutCNN, {"stages": ()}, "at least one"),
        (MaxoutCNN, {"conv_pieces": 0}, "conv_pieces must be at least 1"),
        (MaxoutCNN, {"keep": (0.8, 0.0)}, "above 0 and at most 1, not 0.0"),
        (Stacked, {"width": 0}, "width must be at least 1"),
        (Stacked, {"top": MaxoutMLP()}, "top is a generator, such as MLP.., not a MaxoutMLP"),
        (SparseInit, {"inputs": 0}, "inputs >= 1"),
        (SparseInit, {"std": 0.0}, "std > 0"),
        (UniformInit, {"bound": 0.0}, "bound > 0"),
        (NormalInit, {"std": -1.0}, "std > 0"),
        (Dropout, {"keep": 0.0}, "above 0 and at most 1, not 0.0"),
    ],
)
def test_wrong_settings_are_sentences(
    kind: Any, fields: dict[str, Any], says: str, in_production: None
) -> None:
    with pytest.raises(InputError, match=says):
        kind(**fields)
