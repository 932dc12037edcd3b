"""What the public contract checks can tell, and how a game itemises its players' losses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gannets.errors import InputError
from gannets.game import Batch, Game, Judge, Net, Players, Space, Stream, input_gradient
from gannets.game.check import Result, check
from gannets.nets import MLP, MaxoutMLP
from gannets.objectives import Hinge, Minimax, NonSaturating, RpGAN
from gannets.terms import R1, R2, Clip, GradientPenalty


def failed(value: object) -> set[str]:
    return {result.name for result in check(value) if not result.passed}


# --------------------------------------------------------- each defect of an objective is seen


@dataclass(frozen=True)
class Broken:
    """The 2014 game with one thing wrong."""

    generator_sees_real: ClassVar[bool] = False
    defect: str = "none"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.defect == "log of a sigmoid":
            return -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()
        if self.defect == "broadcasts":
            return softplus(fake - real).mean()
        if self.defect == "fake first":
            real, fake = fake, real
        if self.defect == "in place":
            real -= 1e-9
        if self.defect == "first sample only":
            real = real[:1]
        if self.defect == "no mean":
            return softplus(-real) + softplus(fake.mean())
        if self.defect == "draws":
            real = real + torch.rand(())
        if self.defect in ("draws", "first sample only", "no mean"):
            return softplus(-real).mean() + softplus(fake).mean()
        return Minimax().discriminator(real, fake)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        sign = -1 if self.defect == "ascends" else 1
        if self.defect == "peeks" and real is not None:
            return Minimax().generator(None, fake) + real.mean()
        return sign * Minimax().generator(None, fake)

    def optimal_discriminator(self, p_data: Tensor, p_g: Tensor) -> Tensor:
        if self.defect == "probability for logit":
            return p_data / (p_data + p_g)
        return p_data.log() - p_g.log()

    def value(self, p_data: Tensor, p_g: Tensor) -> Tensor:
        scale = {"half the value": 0.5, "sign of the value": -1.0}.get(self.defect, 1.0)
        return scale * Minimax().value(p_data, p_g)


@pytest.mark.parametrize(
    ("defect", "seen"),
    [
        ("none", set()),
        ("log of a sigmoid", {"losses are finite scalars"}),
        ("broadcasts", {"shapes do not broadcast"}),
        (
            "fake first",
            {
                "slopes have the right sign",
                "value is the loss at D*",
                "slope is zero at D*",
            },
        ),
        (
            "in place",
            {"losses are finite scalars", "losses are pure", "slopes have the right sign"},
        ),
        ("no mean", {"losses are finite scalars"}),
        ("draws", {"losses are pure"}),
        ("first sample only", {"order does not matter"}),
        ("ascends", {"slopes have the right sign"}),
        ("peeks", {"generator_sees_real is true"}),
        (
            "probability for logit",
            {"value is the loss at D*", "slope is zero at D*"},
        ),
        ("half the value", {"value is the loss at D*"}),
        ("sign of the value", {"value is the loss at D*", "p_g = p_data is D's worst case"}),
    ],
)
def test_sees_the_defects_of_an_objective(defect: str, seen: set[str]) -> None:
    found = failed(Broken(defect))
    assert found >= seen
    assert bool(found) == bool(seen)


@pytest.mark.parametrize("sees", [True, False])
def test_sees_a_wrong_declaration(sees: bool) -> None:
    wrong = type("Wrong", (Broken,), {"generator_sees_real": sees})()
    assert ("generator_sees_real is true" in failed(wrong)) == sees


def test_wrong_pairs_are_seen_by_the_order_of_samples() -> None:
    unpaired = type("Unpaired", (RpGAN,), {"paired": False})()
    assert failed(unpaired) == {"order does not matter"}


# --------------------------------------------------------------------- and of a term, and of a net


def sums(players: Players[Any], batch: Batch) -> Tensor:
    """Forgets to divide by m."""
    return input_gradient(players.discriminator, batch.real).square().sum()


def cut_off(players: Players[Any], batch: Batch) -> Tensor:
    return R1()(players, batch).detach()


def half_cut_off(players: Players[Any], batch: Batch) -> Tensor:
    charge = R1()(players, batch)
    return charge * charge.detach()


def remembers(players: Players[Any], batch: Batch) -> Tensor:
    with torch.no_grad():
        next(players.generator.parameters()).mul_(0.9)
    return R1()(players, batch)


def draws(players: Players[Any], batch: Batch) -> Tensor:
    return R1()(players, batch) * torch.rand(())


def a_vector(players: Players[Any], batch: Batch) -> Tensor:
    return input_gradient(players.discriminator, batch.real).square().sum(1)


def infinite(players: Players[Any], batch: Batch) -> Tensor:
    return R1()(players, batch) * torch.inf


@pytest.mark.parametrize(
    ("term", "seen"),
    [
        (R1(), set()),
        (sums, {"term is a mean over samples"}),
        (cut_off, {"gradient is right"}),
        (half_cut_off, {"gradient is right"}),
        (remembers, {"term is pure"}),
        (draws, {"term is pure"}),
        (a_vector, {"term is a finite scalar"}),
        (infinite, {"term is a finite scalar"}),
    ],
)
def test_sees_the_defects_of_a_term(term: Any, seen: set[str]) -> None:
    found = failed(term)
    assert found >= seen
    assert bool(found) == bool(seen)


class Flawed(nn.Module):
    """A critic of vectors with one thing wrong."""

    def __init__(self, space: Space, defect: str) -> None:
        super().__init__()
        if len(space.event) > 1 or space.classes is not None:
            raise InputError("Flawed is for vectors without classes, not this.")
        self.defect = defect
        self.judges_alone = defect != "none"
        self.linear = nn.Linear(space.event[0], 1)
        self.norm = nn.BatchNorm1d(1)
        self.dropout = nn.Dropout()
        if defect == "unseeded":
            with torch.no_grad():
                self.linear.bias.fill_(id(self) % 1000)

    def forward(self, x: Tensor) -> Tensor:
        h = self.linear(x.detach().sin() if self.defect == "flat" else x.sin())
        if self.defect == "not alone":
            h = self.norm(h)
        if self.defect == "global draws":
            h = self.dropout(h)
        if self.defect == "not finite":
            h = h / 0
        logits: Tensor = h if self.defect == "column" else h[:, 0]
        return logits


@dataclass(frozen=True)
class FlawedNet:
    defect: str

    def discriminator(self, space: Space) -> nn.Module:
        return Flawed(space, self.defect)


@pytest.mark.parametrize(
    ("defect", "seen"),
    [
        ("none", None),
        ("column", "shapes are right"),
        ("not finite", "shapes are right"),
        ("unseeded", "weights are a function of the seed"),
        ("global draws", "randomness is explicit"),
        ("not alone", "judges_alone is true"),
        ("flat", "it can be trained"),
    ],
)
def test_sees_the_defects_of_a_net(defect: str, seen: str | None) -> None:
    found = failed(FlawedNet(defect))
    assert (f"discriminator: {seen}" in found) if seen else not found


@pytest.mark.parametrize(
    "net",
    [
        MLP((8,)),
        MLP((8,), batch_norm=True),
        MaxoutMLP(units=(6, 5), pieces=2),
        MLP((8,), output="sigmoid", bias_from_data=True).generator,
        MLP((8,)).discriminator,
    ],
    ids=repr,
)
def test_passes_nets_that_are_sound(net: Any) -> None:
    assert not failed(net)


def test_a_net_that_accepts_no_data_is_said_to() -> None:
    def refuses(space: Space) -> nn.Module:
        raise InputError("Nothing will do.")

    assert check(refuses) == [
        Result("generator: builds", False, "No data suits it: Nothing will do.")
    ]


def test_both_players_of_a_description_are_checked() -> None:
    names = [result.name for result in check(MLP((4,)))]
    assert sorted({name.split(":")[0] for name in names}) == ["discriminator", "generator"]
    assert len(names) == 9


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (Minimax, r"give Minimax\(...\), not the class"),
        (3.0, "A float cannot be checked"),
        (Clip(), "A Clip cannot be checked"),
        (lambda: None, "A function cannot be checked"),
    ],
)
def test_says_what_can_be_checked(value: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check(value)


# ----------------------------------------------------------------------------------------- the game


def scene() -> tuple[Players[Any], Batch]:
    space = Space((3,), 2)
    players = Players(MLP((4,)).generator(space), MLP((4,)).discriminator(space))
    z = torch.randn(5, 2)
    batch = Batch((torch.randn(5, 3),), (players.generator(z),), z, None, 0, Stream(0, "terms"))
    return players, batch


def anchored(players: Players[Any], batch: Batch) -> Tensor:
    return torch.ones(())


def test_losses_come_item_by_item() -> None:
    players, batch = scene()
    game = Game(Hinge(), (anchored,), (R1(1.0), R2(), R1(2.0), R1(3.0)))
    found = game.losses(players, batch)
    assert list(found.generator) == ["objective", "anchored"]
    assert list(found.discriminator) == ["objective", "R1", "R2", "R1_2", "R1_3"]
    torch.testing.assert_close(found.discriminator["R1_2"], 2 * found.discriminator["R1"])
    torch.testing.assert_close(found.discriminator["R1_3"], 3 * found.discriminator["R1"])


def test_each_player_is_charged_what_its_objective_says() -> None:
    players, batch = scene()
    real, fake = (players.discriminator(*side) for side in (batch.real, batch.fake))
    for objective in (Minimax(), NonSaturating(), Hinge(), RpGAN()):
        game = Game(objective)
        seen = real if objective.generator_sees_real else None
        expected = objective.generator(seen, fake), objective.discriminator(real, fake)
        found = game.losses(players, batch)
        torch.testing.assert_close(
            (found.generator["objective"], found.discriminator["objective"]), expected
        )
        torch.testing.assert_close(game.generator_losses(players, batch)["objective"], expected[0])


def test_a_generator_that_needs_no_data_is_not_shown_any() -> None:
    players, batch = scene()
    blind = replace(batch, real=())
    found = Game(NonSaturating()).generator_losses(players, blind)["objective"]
    expected = Game(NonSaturating()).generator_losses(players, batch)["objective"]
    assert torch.equal(found, expected)


def test_a_judge_answers_for_the_tensors_it_has_seen_alone() -> None:
    players, batch = scene()
    judge = Judge(players.discriminator)
    first = judge(*batch.real)
    assert judge(*batch.real) is first
    assert judge.knows(batch.real)
    assert not judge.knows(batch.fake)
    assert not judge.knows((batch.real[0].clone(),))
    twin = batch.real[0].clone()
    assert torch.equal(judge(twin), first)
    assert judge(twin) is not first


def test_penalties_and_objective_share_verdicts_that_are_d_s_own() -> None:
    """The logits a penalty leaves behind carry the same gradient as a pass of their own."""
    players, batch = scene()
    judge = Judge(players.discriminator)
    GradientPenalty()(replace(players, discriminator=judge), batch)
    R1()(replace(players, discriminator=judge), batch)
    parameters = list(players.discriminator.parameters())
    slopes = [
        torch.autograd.grad(d(*batch.real).square().sum(), parameters, retain_graph=True)
        for d in (judge, players.discriminator)
    ]
    torch.testing.assert_close(*slopes)


def test_every_term_is_charged_whatever_it_is_called() -> None:
    """Three of a kind, and one that is called like the objective: nothing replaces anything."""

    def objective(players: Players[Net], batch: Batch) -> Tensor:
        return torch.tensor(100.0)

    def mine(players: Players[Net], batch: Batch) -> Tensor:
        return torch.tensor(1.0)

    game = Game(Minimax(), discriminator_terms=(mine, mine, objective, mine))
    players = Players(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)))
    x = torch.ones(3, 2)
    batch = Batch((x,), (x,), x, None, 0, Stream(0, "terms"))
    losses = game.discriminator_losses(players, batch)
    assert list(losses) == ["objective", "mine", "mine_2", "objective_2", "mine_3"]
    plain = Game(Minimax()).discriminator_losses(players, batch)["objective"]
    assert torch.equal(losses["objective"], plain)
    assert float(sum(losses.values()) - plain) == pytest.approx(103.0)


def test_real_and_fake_of_unequal_number_keep_their_logits() -> None:
    """In one pass through D, each side gets its own rows."""
    net = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
    net.judges_alone = True  # type: ignore[assignment]
    real, fake = torch.randn(3, 2), torch.randn(5, 2)
    batch = Batch((real,), (fake,), fake, None, 0, Stream(0, "terms"))
    joined = Game(Minimax()).discriminator_losses(Players(net, net), batch)["objective"]
    apart = Minimax().discriminator(net(real), net(fake))
    torch.testing.assert_close(joined, apart)
