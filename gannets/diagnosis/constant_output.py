"""Constant output: G gives one sample, and has done so from the beginning.

A collapsed G came from somewhere: it varied, and chose. One whose units are dead (a ReLU that is
never positive, a tanh far out) or that is not wired to z never varied, and no gradient helps.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged, strongest
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import has_net, instead, is_own, own_net, slower

__all__ = ["ConstantOutput"]


@dataclass(frozen=True)
class ConstantOutput:
    """G's output depends on nothing."""

    symptom = "constant output"

    spread: float = 0.01
    """Of the fakes over that of the data, at most, from the first probe on, without rising;"""
    probes: int = 5
    """So many at least: a G of small first weights under SGD also begins as a point, and learns."""
    dead: float = 1e-5
    """or this, whenever it became so: below what rounding leaves of any dependence."""
    moved: float = 5e-3
    """|w - w'| / |w| of D in ten updates: a D that moves less is starved, and led G there."""

    def __call__(self, case: Case) -> Answer:
        statistic, path = "spread of the fakes, over the data's", "referee.spread"
        values = case.values(path)
        moves = case.evidence(
            "movement of D's weights in ten updates, over their size",
            "outputs.moved.discriminator",
            above=self.moved,
            needs=1,
        )
        always = judged(
            self.symptom,
            (
                case.evidence(
                    statistic, path, below=self.spread, needs=max(len(values), self.probes)
                ),
                moves,
            ),
            why="all of G's outputs have been one and the same from the beginning.",
            remedies=lambda: _remedies(case),
            but="the spread of the fakes rises" if case.rising(path) else "",
        )
        dead = judged(
            self.symptom,
            (
                case.evidence(statistic, path, below=self.dead, needs=2),
                moves,
            ),
            why="G gives one and the same output, to the last digit.",
            remedies=lambda: _remedies(case),
        )
        varied = bool(values) and values[0][1] > self.spread
        return dead if varied or dead.state == "found" else strongest((always, dead))


def _remedies(case: Case) -> tuple[Remedy, ...]:
    recipe = case.recipe
    rates, net = [], []
    if calm := slower(recipe, 0.1, case.step):
        rates.append(
            Remedy(
                changes=calm,
                why="Steps that are too long drive units to where they never answer again."
                + instead(recipe, calm),
                source="Glorot et al. 2011, section 3",
                fresh=True,
            )
        )
    if not has_net(recipe, "generator"):
        net.append(
            Remedy(
                changes=(own_net("generator"),),
                why="A generator that is wired from z to its output, of a start that keeps its "
                "scale.",
                source="He et al. 2015, section 2.2",
                fresh=True,
            )
        )
    return (*net, *rates) if is_own(recipe.nets.generator) else (*rates, *net)
