"""Labels ignored: G(z, y) does not become what the data are at y.

With g_y the mean of G(z, y) over z, r_y that of the data, both less their centre, the cosine
sum(g·r) / (|g| |r|) is 1 for p(x | y) and 0 where G ignores y. Where D does, G's classes are others
than the data's, and it is small where means differ in many directions; of clothes, whose means
differ most by how much is worn, it was .62 once by chance. So D is asked, too: whether it says
something else of a sample that is said to be of another class. Mirza and Osindero (2014), eq. 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from gannets.diagnosis.case import Case, judged, strongest
from gannets.diagnosis.finding import Answer, Remedy
from gannets.diagnosis.remedies import has_net, is_own, own_net
from gannets.game import PLAYERS

__all__ = ["IgnoredLabels"]

OF_D = "verdicts.label_effect"
OF_G = "outputs.label_effect"


@dataclass(frozen=True)
class IgnoredLabels:
    """A class says nothing, or the wrong thing, about the sample."""

    symptom = "labels ignored"

    cosine: float = 0.25
    """Of G's class means and the data's, at most."""
    effect: float = 0.1
    """Spread of G(z, y) over y, over that of the data's class means: G itself ignores y."""

    unmoved: float = 1e-3
    """RMS change of D's logits with another class, over their spread, at most: D ignores y; and the
    spread of G(z, y) over y, at most: G does, to the last digit."""
    warm: int = 750
    """Updates before which class means tell nothing: classes come after the first likeness."""

    def __call__(self, case: Case) -> Answer:
        if not case.recipe.joint.conditional:
            return Answer(symptom=self.symptom, state="cleared", why="there are no classes in it")
        by_d = "change of D's logits with the class, over their spread"
        by_g = "change of G's samples with the class, over the spread of the data's class means"
        exactly = (("D", by_d, OF_D), ("G", by_g, OF_G))
        found = [self._exactly(case, *each) for each in exactly if case.latest(each[2]) is not None]
        if case.step >= self.warm or not found:
            found.append(self._means(case))
        return strongest(found)

    def _means(self, case: Case) -> Answer:
        effect = case.latest("outputs.label_effect")
        whose = "G" if effect is not None and effect <= self.effect else "D"
        return judged(
            self.symptom,
            (
                case.evidence(
                    "cosine of G's class means and the data's",
                    "outputs.label_cosine",
                    below=self.cosine,
                ),
            ),
            why=(
                "G makes the same of every class."
                if whose == "G"
                else "G's classes are not the data's: D does not look at the labels."
            ),
            remedies=lambda: _remedies(case, whose),
            but="G's classes come nearer to the data's"
            if case.rising("outputs.label_cosine")
            else "",
        )

    def _exactly(self, case: Case, whose: str, statistic: str, path: str) -> Answer:
        return judged(
            self.symptom,
            (case.evidence(statistic, path, below=self.unmoved),),
            why="D says the same of a sample whatever class it is said to be of."
            if whose == "D"
            else "G makes the same of every class.",
            remedies=lambda: _remedies(case, whose),
        )


def _remedies(case: Case, whose: str) -> tuple[Remedy, ...]:
    recipe = case.recipe
    players = PLAYERS if whose == "G" else PLAYERS[::-1]
    # A net of gannets takes y: it is one of the caller's own that may not.
    owned = [player for player in players if is_own(recipe.nets[player])]
    return tuple(
        Remedy(
            changes=(own_net(player, 512 if has_net(recipe, player) else 256),),
            why=f"The {player} has to take y, and to use it.",
            source="Mirza and Osindero 2014, section 3.2",
            fresh=True,
        )
        for player in owned or players
    )
