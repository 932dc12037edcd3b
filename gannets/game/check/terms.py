"""The contract of a term: a finite scalar, its gradient, and nothing else changed by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gannets.game.batch import Batch
from gannets.game.check.result import Result, Verdict, normal, results
from gannets.game.game import Term
from gannets.game.judge import Judge
from gannets.game.players import PLAYERS, Players
from gannets.game.stream import Stream

__all__ = ["check_term"]


def check_term(term: Term) -> list[Result]:
    """Hold a term to its contract, on two small players and at update 0 of its player."""
    return results(_TERM, term)


class _Critic(nn.Module):
    """D(x) = w·x + bend·tanh(V x): smooth, of slope above 1, and linear where bend is 0."""

    def __init__(self, bend: float) -> None:
        super().__init__()
        self.w = nn.Parameter(normal(3, index=20) + 2)
        self.v = nn.Parameter(normal(4, 3, index=21))
        self.register_buffer("bend", torch.full((4,), bend, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.w + (x @ self.v.T).tanh() @ self.get_buffer("bend")


class _Scene:
    """Two small players and a batch for a term to be asked about."""

    def __init__(self, *, bend: float = 1.0, repeat: int = 1, position: int = 0) -> None:
        self.generator = nn.Linear(2, 3).double()
        with torch.no_grad():
            for i, parameter in enumerate(self.generator.parameters()):
                parameter.copy_(normal(*parameter.shape, index=22 + i))
        self.players: Players[Any] = Players(self.generator, _Critic(bend))
        self.x, self.z = (normal(6, n, index=24 + n).repeat(repeat, 1) for n in (3, 2))
        self.random = Stream(0, "terms")
        self.position = position

    def ask(self, term: Term, *, judged: bool = False) -> Tensor:
        """The term, on data and on what G makes of z."""
        fake = self.players.generator(self.z)
        players = self.players
        if judged:
            judge = Judge(players.discriminator)
            judge(self.x), judge(fake)
            players = replace(players, discriminator=judge)
        random = self.random.at(self.position)
        return term(players, Batch((self.x,), (fake,), self.z, None, 0, random))

    def measure(self, term: Term, *, judged: bool = False) -> Tensor:
        """Its number alone."""
        return self.ask(term, judged=judged).detach()

    def tensors(self) -> Iterator[Tensor]:
        """All that a term must leave as it is."""
        for player in PLAYERS:
            yield from self.players[player].state_dict().values()
        yield from (self.x, self.z, torch.get_rng_state())


def _term_scalar(term: Term) -> Verdict:
    """Scalar and finite."""
    found = _Scene().measure(term)
    if found.shape != ():
        return False, f"It has shape {tuple(found.shape)}, not ()."
    return bool(found.isfinite()), f"It is {float(found):.6g}."


def _term_slope(term: Term) -> Verdict:
    """Autograd's gradient in a player's parameters is that of finite differences."""
    scene, sentences, agrees = _Scene(), [], False
    if not scene.ask(term).requires_grad:
        return False, "It has no gradient: nothing in it depends on a player's parameters."
    for player in PLAYERS:
        parameters = list(scene.players[player].parameters())
        toward = [normal(*p.shape, index=30) for p in parameters]
        gradient = torch.autograd.grad(scene.ask(term), parameters, materialize_grads=True)
        slope = float(sum((g * t).sum() for g, t in zip(gradient, toward, strict=True)))
        if slope == 0:
            continue
        ends = []
        for step in (1e-5, -2e-5, 1e-5):  # the third brings the parameters back
            with torch.no_grad():
                torch._foreach_add_(parameters, toward, alpha=step)
            ends.append(float(scene.measure(term)))
        measured = (ends[0] - ends[1]) / 2e-5
        agrees |= abs(slope - measured) < 1e-5 * max(1.0, abs(measured))
        sentences.append(f"{slope:.8g} in the {player}, {measured:.8g} by finite differences")
    return agrees, "; ".join(sentences) or "It has no gradient in either player's parameters."


def _term_pure(term: Term) -> Verdict:
    """Nets, batch and the global random state are left as they were; the same position repeats."""
    scene = _Scene()
    kept = [tensor.clone() for tensor in scene.tensors()]
    first = scene.measure(term)
    changed = sum(not torch.equal(a, b) for a, b in zip(kept, scene.tensors(), strict=True))
    gap = float((first - scene.measure(term)).abs())
    return changed == 0 and gap == 0, (
        f"It changes {changed} tensors that are not its own; at the same place of its stream it "
        f"differs by {gap:.2g}."
    )


def _term_shared(term: Term) -> Verdict:
    """Through a `Judge`, which remembers D's verdicts, it is the same number."""
    gap = float((_Scene().measure(term) - _Scene().measure(term, judged=True)).abs())
    return gap < 1e-12, f"Evaluated on remembered verdicts of D it differs by {gap:.2g}."


def _term_mean(term: Term) -> Verdict:
    """A mean over samples does not change when each is repeated (on a D of constant slope)."""
    once, again = (_Scene(bend=0.0, position=i).measure(term) for i in (0, 1))
    if not torch.isclose(once, again, rtol=1e-9):
        return True, "It depends on its random draws, so repeated samples say nothing."
    gap = float((once - _Scene(bend=0.0, repeat=10).measure(term)).abs() / once.abs().clamp(min=1))
    return gap < 1e-9, f"Ten times the same batch changes it by {gap:.2g} of its size."


_TERM: dict[str, Callable[[Any], Verdict]] = {
    "term is a finite scalar": _term_scalar,
    "gradient is right": _term_slope,
    "term is pure": _term_pure,
    "verdicts can be shared": _term_shared,
    "term is a mean over samples": _term_mean,
}
