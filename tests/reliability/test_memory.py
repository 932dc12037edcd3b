"""A batch in pieces: the gradient of the whole where the game is a mean over samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gannets.cli import main
from gannets.errors import InputError, RunWarning
from gannets.game import PLAYERS, Game, InstanceNoise, Marginal, Packed, Player
from gannets.objectives import NonSaturating, RelativisticAverage
from gannets.terms import DRAGAN, R1, FiniteDifferenceR1, GradientPenalty, Lazy, Single
from gannets.training import Recipe, State
from gannets.training.memory import advice, is_out_of_memory
from gannets.training.pieces import sizes
from tests.small import NAMES, small

BATCH_NORMED = ("dcgan", "lsgan", "wgan", "wgan_gp", "hinge")


def _cases() -> dict[str, Recipe]:
    ring = replace(small("ring"), batch=12)

    def charged(*terms: Any) -> Recipe:
        return replace(ring, game=Game(NonSaturating(), discriminator_terms=terms))

    return {name: small(name) for name in NAMES if name not in BATCH_NORMED} | {
        "GradientPenalty": charged(GradientPenalty()),
        "FiniteDifferenceR1": charged(FiniteDifferenceR1()),
        "Lazy": charged(Lazy(R1(1.0), every=4)),
        "Packed": replace(ring, joint=Packed(2)),
        "InstanceNoise": replace(ring, joint=Marginal(through=(InstanceNoise(0.1),))),
    }


CASES = _cases()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("player", PLAYERS)
def test_in_pieces_the_gradient_is_the_same(name: str, player: Player) -> None:
    """Latents, noise, dropout masks and interpolations are those of the whole batch."""
    update, micro = small("ring").update, 4 if name == "Packed" else 3
    recipe = replace(CASES[name], update=update, precision="float64")
    whole = State(recipe, device="cpu").gradient(player)
    pieces = State(replace(recipe, micro_batch=micro), device="cpu").gradient(player)
    assert any(g.abs().max() > 1e-9 for g in whole.gradient)
    for a, b in zip(whole.gradient, pieces.gradient, strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-12)
    for item, loss in whole.losses.items():
        assert float(pieces.losses[item]) == pytest.approx(float(loss), rel=1e-9, abs=1e-12)


def test_no_more_than_a_piece_is_seen_at_once() -> None:
    seen: list[int] = []
    state = State(replace(small("ring"), batch=24, micro_batch=5), device="cpu")
    state.players.generator.register_forward_hook(lambda _, z, x: seen.append(len(z[0])))
    state.gradient("discriminator")
    assert seen == [4] * 6  # the largest equal pieces of 24 that are at most 5


@pytest.mark.parametrize("name", BATCH_NORMED)
def test_batch_statistics_are_said_to_be_those_of_the_pieces(name: str) -> None:
    sentence = "generator normalises by the statistics of its batch, which with micro_batch=5"
    with pytest.warns(RunWarning) as warned:
        in_pieces = State(replace(small(name), micro_batch=5), device="cpu")
    assert [str(warning.message) for warning in warned] == in_pieces.notes
    assert sentence in in_pieces.notes[0]
    normed = [p for p in PLAYERS if small(name).nets[p].batch_norm]  # type: ignore[index]
    assert len(in_pieces.notes) == len(normed)
    one = State(small(name), device="cpu").gradient("generator")
    two = in_pieces.gradient("generator")
    assert any(not torch.allclose(a, b) for a, b in zip(one.gradient, two.gradient, strict=True))


@pytest.mark.parametrize(
    "game",
    [
        Game(RelativisticAverage()),
        Game(NonSaturating(), discriminator_terms=(DRAGAN(),)),
        Game(NonSaturating(), discriminator_terms=(Lazy(Single(DRAGAN())),)),
    ],
)
def test_what_is_no_mean_over_samples_is_refused(game: Game) -> None:
    recipe = replace(small("ring"), game=game)
    with pytest.raises(InputError, match="is no mean over samples"):
        State(replace(recipe, micro_batch=5), device="cpu")
    State(replace(recipe, micro_batch=10), device="cpu")  # one piece is no piece


# Where memory is too small.


def narrow(most: int, error: Callable[[], Exception]) -> Callable[..., None]:
    """A net that has memory for `most` samples."""

    def hook(net: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if len(inputs[0]) > most:
            raise error()

    return hook


CPU = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"
ERRORS: dict[str, Callable[[], Exception]] = {
    "cuda": lambda: torch.OutOfMemoryError("CUDA out of memory."),
    "cpu": lambda: RuntimeError(CPU),
    "python": MemoryError,
}


@pytest.mark.parametrize("kind", ERRORS)
def test_the_piece_that_fits_is_measured(kind: str) -> None:
    """Where there is memory for 7 of 24 samples, 6 is the largest of 12, 6, 3 and 1."""
    state = State(replace(small("ring"), batch=24), device="cpu")
    state.players.discriminator.register_forward_pre_hook(narrow(7, ERRORS[kind]))
    before = state.counters()
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        state.advance()
    assert is_out_of_memory(caught.value)
    said = str(advice(state, caught.value))
    assert said == (
        "The memory of cpu is too small for batches of 24. Gradients in pieces of 6 were tried and "
        "fit: add --micro-batch 6, or take --batch 6."
    )
    assert state.counters()["updates.generator"] == before["updates.generator"]
    again = State(replace(small("ring"), batch=24, micro_batch=6), device="cpu")
    again.players.discriminator.register_forward_pre_hook(narrow(7, ERRORS[kind]))
    again.advance()


def test_nothing_fits() -> None:
    state = State(small("ring"), device="cpu")
    state.players.discriminator.register_forward_pre_hook(narrow(0, MemoryError))
    with pytest.raises(MemoryError) as caught:
        state.advance()
    assert "choose smaller nets" in str(advice(state, caught.value))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    gradient = State.gradient

    def short(state: State, player: Player) -> Any:
        m, pieces = sizes(state.recipe, player, state.group)
        if m // pieces > 16:
            raise MemoryError
        return gradient(state, player)

    monkeypatch.setattr(State, "gradient", short)
    words = ["train", "digits", "--steps", "2", "--quiet", "--out"]
    assert main([*words, "run"]) == 1
    assert "too small for batches of 128" in (said := capsys.readouterr().err)
    assert "add --micro-batch 16, or take --batch 16." in said
    assert main([*words, "again", "--micro-batch", "16"]) == 0
