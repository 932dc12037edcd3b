"""Value range: G's last layer and the data do not go together.

Either G cannot give values that the data have (a sigmoid for data in [-1, 1]), so that D knows them
for ever; or it can give, and does, what the data never have (a tanh for data in [0, 1]).
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged, strongest
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import is_own, own_net

__all__ = ["ValueRange"]


@dataclass(frozen=True)
class ValueRange:
    """What G can give is not what the data are made of."""

    symptom = "value range"

    outside: float = 0.01
    """Share of the data's values beyond what G's last layer can give, at least."""
    slack: float = 0.5
    """How much wider, over the data's own interval, that of what G can give is, at least;"""
    excess: float = 0.2
    """and that of what it does give, at least."""

    def __call__(self, case: Case) -> Answer:
        beyond = judged(
            self.symptom,
            (
                case.evidence(
                    "share of the data's values beyond G's reach",
                    "outputs.outside",
                    above=self.outside,
                    needs=1,
                ),
            ),
            why="the data have values that G's last layer cannot give.",
            remedies=lambda: _remedies(case),
        )
        wide = judged(
            self.symptom,
            (
                case.evidence(
                    "width of G's reach beyond the data's interval, over the latter",
                    "outputs.slack",
                    above=self.slack,
                ),
                case.evidence(
                    "width of the fakes' interval beyond the data's",
                    "outputs.excess",
                    above=self.excess,
                ),
            ),
            why="G gives values that the data never have.",
            remedies=lambda: _remedies(case),
        )
        # A linear last layer reaches everything: there is nothing to be told of it.
        return strongest((beyond, wide)) if wide.state != "unknown" else beyond


def _remedies(case: Case) -> tuple[Remedy, ...]:
    net = case.recipe.nets.generator
    output = None if is_own(net) else getattr(net, "output", None)
    if output == "auto":
        change = 'nets.generator.output="linear"'
        why = "The interval that the data declare is not theirs: a linear output gives every value."
    else:
        change = own_net("generator") if output is None else 'nets.generator.output="auto"'
        why = 'The output "auto" gives the interval that the data declare, or every value.'
    return (
        Remedy(
            changes=(change,),
            why=why,
            source="Radford et al. 2016, section 4 (tanh, and data scaled to its range)",
            fresh=True,
        ),
    )
