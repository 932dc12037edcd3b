"""Blind discriminator: a referee tells the fakes, and D could not, however long it were trained.

What is wrong with the fakes lies where D's net does not look: inputs it is not shown, too few
weights, a receptive field too small, a view that hides it. The losses of such a game are those of
an equilibrium, its duality gap is 0.

Inputs that it is not shown have dD/dx = 0 at all samples, and D(x) stays, bit for bit, where
samples exchange them (a maximum has slopes of 0 too, and does not). Else it is asked of a copy of D
that a reference optimizer trains against G as it is: it stays near chance on held-out samples,
while a nearest-neighbour classifier (Lopez-Paz and Oquab 2017) tells nearly all. On images a D of
which half is hidden has copies that learn to tell the other half, which G has not made well either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gannets.diagnosis.case import FIRST, MATERIAL, Case, judged, strongest, too_early
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import is_own, text
from gannets.diagnosis.shown import views_of
from gannets.nets import DCGAN, MLP

__all__ = ["BlindDiscriminator"]

BEYOND, HIDDEN = "referee.beyond", "verdicts.hidden"
WIDE = 256
"""Units of a layer that see enough of what the benchmark's data show (28 x 28 and less)."""


@dataclass(frozen=True)
class BlindDiscriminator:
    """D's net cannot see what is wrong with the fakes."""

    symptom = "blind discriminator"

    warm: int = 750
    """Updates before which copies say nothing: through views a young D is slow to learn, and so is
    a copy of it."""
    told: float = 0.95
    """Of fakes and held-out reals, told apart by the referee through its features, at least;"""
    nearest: float = 0.98
    """or by the one nearest neighbour: many modes have fewer samples than there are neighbours;"""
    beyond: float = 0.98
    """or by what the features leave out. Nets of few weights leave traces there for long."""
    accuracy: float = 0.8
    """Of D, and of a copy of it that a reference optimizer trains, at most;"""
    mostly: float = 0.9
    """Told by the referee, this is enough where the copy"""
    guesses: float = 0.7
    """has no more than this."""
    beside: float = 0.9
    """and where it is what the features leave out that tells."""
    gain: float = 0.2
    """Of V by that copy, at most: blind ones had up to .1, one that saw a collapse 1."""
    hidden: float = 0.05
    """Of the data's variance, in values on which D's logits do not hang, at least: a convolution
    that leaves out the last row of 24 has .04. No copy need be asked then."""
    p: float = 0.005
    """Of the distance of fakes to held-out samples, at most: the least there is."""

    def __call__(self, case: Case) -> Answer:
        what = "fakes and held-out reals that the referee tells"
        found = [self._part(case)] if case.latest(HIDDEN) is not None else []
        if case.step < self.warm:
            return found[0] if found else too_early(self.symptom)
        found += [
            self._unlearnt(case, what, "referee.c2st", (self.told, self.accuracy)),
            self._unlearnt(case, what, "referee.c2st", (self.mostly, self.guesses)),
            self._unlearnt(
                case,
                f"{what} by the one nearest neighbour",
                "referee.nearest",
                (self.nearest, self.accuracy),
            ),
        ]
        if case.latest(BEYOND) is not None:
            beyond = f"{what} by what its features leave out"
            found.append(self._unlearnt(case, beyond, BEYOND, (self.beyond, self.beside)))
        return strongest(found)

    def _part(self, case: Case) -> Answer:
        return judged(
            self.symptom,
            (
                case.evidence(
                    "share of the data's variance on which D's logits do not hang",
                    HIDDEN,
                    above=self.hidden,
                ),
                case.evidence("p of the distance to data", "referee.distance_p", below=self.p),
            ),
            why="D's logits have no slope at a part of each sample, and fakes are not like data: G "
            "is told nothing of that part.",
            remedies=lambda: remedies(case),
        )

    def _unlearnt(self, case: Case, what: str, path: str, bars: tuple[float, float]) -> Answer:
        told, by_d = bars
        return judged(
            self.symptom,
            (
                case.evidence(what, path, above=told),
                case.evidence("those that D tells", "verdicts.accuracy", below=by_d),
                case.evidence(
                    "those that a copy of D tells, trained for this",
                    "clones.accuracy",
                    below=by_d,
                    needs=1,
                    since=self.warm,
                ),
                case.evidence(
                    "gain of V by that copy",
                    "clones.reference",
                    below=self.gain,
                    needs=1,
                    since=self.warm,
                ),
            ),
            why="The referee tells nearly all fakes, and D's net cannot learn to: what is wrong "
            "with them is where it does not look.",
            remedies=lambda: remedies(case),
            costly=2,
            but=self._against(case, path),
        )

    def _against(self, case: Case, path: str) -> str:
        if case.falling(path):
            return "the referee tells fewer and fewer"
        if case.won("referee.distance", since=FIRST) >= MATERIAL:
            return "the distance to held-out data falls"
        return ""


def remedies(case: Case) -> tuple[Remedy, ...]:
    """No views that hide; a larger net of D's own kind; a net that is shown all of a sample."""
    recipe, found = case.recipe, []
    if views_of(recipe):
        found.append(
            Remedy(
                changes=("joint.through=()",),
                why="D sees samples through views, which hide from it what they wash out.",
                source="Karras et al. 2020, section 2.2",
                fresh=True,
            )
        )
    if (larger := _larger(recipe.nets.discriminator)) is not None:
        found.append(
            Remedy(
                changes=(larger,),
                why="A larger D sees what a smaller one cannot.",
                source="Goodfellow et al. 2014, section 4: D must have enough capacity",
                fresh=True,
            )
        )
    else:
        found.append(
            Remedy(
                changes=(
                    f'nets.discriminator=MLP(hidden=({WIDE}, {WIDE}), activation="leaky_relu")',
                ),
                why="A net whose first layer is joined to all of a sample sees all of it.",
                source="Goodfellow et al. 2014, section 4: D must have enough capacity",
                fresh=True,
            )
        )
    return tuple(found)


def _larger(net: Any) -> str | None:
    """The change that makes a D of a kind that sees all of a sample larger; None for others."""
    if is_own(net):
        return None
    if isinstance(net, MLP):
        widest = max([WIDE // 2, *net.hidden])
        layers = (2 * widest,) * max(2, len(net.hidden))
        return f"nets.discriminator={text(_like(net, layers))}"
    if isinstance(net, DCGAN):
        return f"nets.discriminator.width={2 * net.width}"
    return None


def _like(net: MLP, hidden: tuple[int, ...]) -> MLP:
    """The net with other layers, all of which are as its last one was."""
    activation = net.activations[-1] if net.hidden else "leaky_relu"
    return replace(net, hidden=hidden, activation=activation, init=net.inits[-1])
