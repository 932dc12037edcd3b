"""A number that is none stops the game before anyone moves by it, and says where it began."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gannets.cli import main
from gannets.errors import InputError
from gannets.game import Batch, Game, Marginal, Net, Players, Stream, both
from gannets.nets import MLP
from gannets.objectives import NonSaturating, Wasserstein
from gannets.terms import R1
from gannets.training import Nets, Recipe, State, Training, change
from gannets.training.finite import NonFiniteError
from gannets.updates import SGD, Adam, Consensus, RMSprop, Simultaneous
from tests.small import small

WHEN = 3
"""The update at which things go wrong; its player has made three before."""


@dataclass(frozen=True)
class BadSamples:
    """A data path that fails."""

    def __call__(self, x: Tensor, random: Stream, step: int) -> Tensor:
        return x * float("nan") if step == WHEN else x


def bad_loss(players: Players[Net], batch: Batch) -> Tensor:
    weights = next(players.discriminator.discriminator.parameters())  # type: ignore[attr-defined]
    return weights.sum() * 0 + (math.inf if batch.step == WHEN else 0.0)


def bad_gradient(players: Players[Net], batch: Batch) -> Tensor:
    """Zero, and so is its gradient, but for a division 0/0 at one update."""
    weights = list(players.discriminator.discriminator.parameters())[2]  # type: ignore[attr-defined]
    return (weights.sum() * 0).sqrt() if batch.step == WHEN else weights.sum() * 0


def recipe(**changes: Any) -> Recipe:
    return replace(small("ring"), **{"game": Game(NonSaturating()), "steps": 10, **changes})


def played(state: State) -> NonFiniteError:
    """Play until it stops; nobody has moved since the last gradient that was finite."""
    before: dict[str, Tensor] = {}
    move = state.move

    def noting(player: Any, gradient: Any) -> None:
        move(player, gradient)
        before.update({k: v.clone() for k, v in state.tensors().items()})

    state.move = noting  # type: ignore[method-assign]
    with pytest.raises(NonFiniteError) as stop:  # noqa: PT012
        for _ in range(10):
            state.advance()
    for name, tensor in state.tensors().items():
        if not name.startswith("average."):  # it follows once both have moved
            assert torch.equal(tensor, before[name]), name
            assert tensor.isfinite().all()
    return stop.value


@pytest.mark.parametrize(
    ("changes", "player", "words"),
    [
        (
            {"joint": Marginal(through=(BadSamples(),))},
            "discriminator",
            ["the output of the discriminator's layer 'hidden.0' (Linear)"],
        ),
        (
            {"game": Game(NonSaturating(), discriminator_terms=(bad_loss,))},
            "discriminator",
            ["the loss 'bad_loss' (inf)"],
        ),
        (
            {"game": Game(NonSaturating(), discriminator_terms=(bad_gradient,))},
            "discriminator",
            ["the gradient of 'hidden.2.weight'"],
        ),
        (
            {"game": Game(NonSaturating(), generator_terms=(bad_loss,))},
            "generator",
            ["the loss 'bad_loss' (inf)"],
        ),
        (
            {"update": Simultaneous(), "joint": Marginal(through=(BadSamples(),))},
            "generator",
            ["the output of the discriminator's layer 'hidden.0' (Linear)"],
        ),
    ],
)
def test_what_is_not_finite_is_named(
    changes: dict[str, Any], player: str, words: list[str]
) -> None:
    error = played(State(recipe(**changes), device="cpu"))
    assert error.player == player
    assert error.update == WHEN
    assert f"Update {WHEN} of the {player} met a number that is not finite" in str(error)
    assert f"--set optimizers.{player}.lr=0.0005" in str(error)
    for word in words:
        assert word in str(error)


def test_a_loss_that_is_infinite_where_its_gradient_is_not() -> None:
    """An infinite constant has the gradient 0: nobody would be hurt, but it is in the metrics."""

    def infinite(players: Players[Net], batch: Batch) -> Tensor:
        return bad_loss(players, batch).detach()

    game = Game(NonSaturating(), discriminator_terms=(infinite,))
    error = played(State(recipe(game=game), device="cpu"))
    assert "the loss 'infinite' (inf)" in str(error)


def test_consensus_is_checked_as_well() -> None:
    changes = {"update": Consensus(0.1), "joint": Marginal(through=(BadSamples(),))}
    error = played(State(recipe(**changes), device="cpu"))
    assert error.update == WHEN
    assert "layer 'hidden.0'" in str(error)


@pytest.mark.parametrize(("player", "first"), [("generator", 0), ("discriminator", 2)])
def test_a_weight_that_is_not_finite_is_named(player: str, first: int) -> None:
    state = State(recipe(), device="cpu")
    state.advance()
    with torch.no_grad():
        state.parameters[player][first][0, 0] = math.inf  # type: ignore[index]
    before = [p.clone() for p in state.parameters.discriminator]
    with pytest.raises(NonFiniteError, match=f"the {player}'s weight 'hidden.{first}.weight'"):
        state.advance()
    assert all(map(torch.equal, before, state.parameters.discriminator))


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_a_device_leaves_the_update_out_by_itself(name: str) -> None:
    """As on an accelerator, which nobody waits for: the kernel skips, `left_out` tells later."""
    optimizers: Any = both(Adam(1e-3) if name == "adam" else SGD(1e-2, momentum=0.5))
    bad = Game(NonSaturating(), discriminator_terms=(bad_gradient,))
    state = State(recipe(game=bad, optimizers=optimizers), device="cpu")
    state.guard.waits = False
    assert state.movers.discriminator.can_skip
    for _ in range(WHEN):
        state.advance()
    state.guard.left_out()
    before = {k: v.clone() for k, v in state.tensors().items() if "discriminator" in k}
    state.advance()
    for key, tensor in before.items():  # its moments and their count are left as well
        assert torch.equal(state.tensors()[key], tensor), key
    with pytest.raises(NonFiniteError, match=f"Update {WHEN} of the discriminator"):
        state.guard.left_out()
    state.advance()
    state.guard.left_out()
    assert any(not torch.equal(state.tensors()[k], v) for k, v in before.items())


def test_an_optimizer_that_cannot_skip_is_waited_for() -> None:
    bad = Game(NonSaturating(), discriminator_terms=(bad_gradient,))
    state = State(recipe(game=bad, optimizers=both(RMSprop(1e-3))), device="cpu")
    state.guard.waits = False
    assert not state.movers.discriminator.can_skip
    assert "'hidden.2.weight'" in str(played(state))


def test_the_last_checkpoint_is_kept(tmp_path: Path) -> None:
    bad = Game(NonSaturating(), discriminator_terms=(bad_gradient,))
    names = {"bad_gradient": bad_gradient}
    training = Training.start(
        recipe(game=bad, checkpoint_every=2), out=tmp_path / "run", device="cpu", names=names
    )
    with pytest.raises(NonFiniteError):
        for _ in training:
            pass
    training.close()
    assert [path.name for path in training.run.checkpoints()] == ["00000002"]
    again = Training.resume(tmp_path / "run", device="cpu", names=names)
    assert again.state.step == 2
    assert all(tensor.isfinite().all() for tensor in again.state.tensors().values())
    again.close()


# Going back.


def steep(rollbacks: int, *, lr: float = 12.0) -> Recipe:
    """D(x) = w·x under R1(1): descent multiplies w by 1 - lr, which grows for lr > 2."""
    linear = MLP(hidden=())
    return replace(
        small("ring"),
        nets=Nets(linear, linear),
        game=Game(Wasserstein(), discriminator_terms=(R1(gamma=1.0),)),
        optimizers=Players(SGD(0.0), SGD(lr)),
        averaging=None,
        steps=150,
        record_every=10,
        sample_every=50,
        checkpoint_every=20,
        rollbacks=rollbacks,
    )


def finished(training: Training) -> list[int]:
    return [step.index for step in training]


def test_a_run_that_blows_up_is_rescued(tmp_path: Path) -> None:
    """12, 6, 3 and 1.5: the fourth rate is below 2, and |w| comes to rest."""
    training = Training.start(steep(3), out=tmp_path / "run", device="cpu")
    steps = finished(training)
    assert steps[-1] == 150
    assert sum(b <= a for a, b in pairwise(steps)) == 3
    log = (tmp_path / "run" / "log.txt").read_text()
    for count, scale in ((1, "0.5"), (2, "0.25"), (3, "0.125")):
        assert f"learning rates x {scale} ({count} of 3): Update" in log
    metrics = training.run.metrics()
    assert [line["step"] for line in metrics] == list(range(10, 151, 10))
    assert metrics[-1]["rates"]["discriminator"]["lr"] == 12 / 8
    assert metrics[-1]["discriminator"]["R1"] < 1
    assert all(tensor.isfinite().all() for tensor in training.state.tensors().values())


def test_after_so_many_times_it_stops(tmp_path: Path) -> None:
    training = Training.start(steep(2), out=tmp_path / "run", device="cpu")
    with pytest.raises(NonFiniteError, match=r"'R1' .inf.*lr=1.5"):
        finished(training)
    training.close()
    assert (tmp_path / "run" / "log.txt").read_text().count("rolled back") == 2
    assert training.run.checkpoints()


def test_going_back_is_exact(tmp_path: Path) -> None:
    """A rescued run that is killed and resumed ends as the one that was not; the draws repeat."""
    whole = Training.start(steep(3), out=tmp_path / "whole", device="cpu")
    finished(whole)
    cut = Training.start(steep(3), out=tmp_path / "cut", device="cpu")
    backs = last = 0
    for step in cut:
        backs += step.index <= last
        last = step.index
        if backs == 2 and step.index > 30:
            break
    cut.close()
    again = Training.resume(tmp_path / "cut", device="cpu")
    finished(again)
    for name, tensor in whole.state.tensors().items():
        assert torch.equal(again.state.tensors()[name], tensor), name
    assert again.state.counters() == whole.state.counters()
    assert again.run.metrics() == whole.run.metrics()


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # Eleven times too steep for R1(gamma=1) on these nets, and stopped with a sentence.
    words = ["train", "digits", "--steps", "200", "--batch", "16", "--quiet", "--out", "run"]
    steepest = ["--set", "optimizers=Players(generator=SGD(lr=1.0), discriminator=SGD(lr=1e4))"]
    assert main([*words, *steepest]) == 1
    said = capsys.readouterr().err
    assert said.startswith("gannets: Update ")
    assert said.count("\n") == 1
    assert main([*words[:-1], "again", *steepest, "--set", "rollbacks=2"]) == 1
    assert Path("again/log.txt").read_text().count("rolled back") == 2


def test_rollbacks_are_counted() -> None:
    assert change(small("ring"), "rollbacks=3").rollbacks == 3
    with pytest.raises(InputError, match="rollbacks must not be negative"):
        replace(small("ring"), rollbacks=-1)
