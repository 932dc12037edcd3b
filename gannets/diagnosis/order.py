"""In which order failures are ruled out, and what is left when all of them are.

The order is part of the verdict. A D that stands still makes G collapse to its argmax, so a starved
D is looked for before collapse; a D that is blind to a difference calls it even, so "converged" is
said last, and by the referee.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gannets.diagnosis.case import Case
from gannets.diagnosis.finding import Answer, Finding, Passed
from gannets.diagnosis.trend import falls, rises
from gannets.diagnosis.vanishing_gradient import VanishingGradient

__all__ = ["ORDER", "Rule", "answers", "diagnosed"]

Rule = Callable[[Case], Answer]

ORDER: tuple[Rule, ...] = (VanishingGradient(),)
ENDS = {"converged": "converged", "plateau": "plateau"}
FEWEST = 3


def answers(case: Case, order: Sequence[Rule] = ORDER) -> list[Answer]:
    """What every rule says, in order."""
    return [rule(case) for rule in order]


def diagnosed(case: Case, order: Sequence[Rule] = ORDER) -> Finding:
    """The first rule that finds something, and why those before it did not; else how it goes."""
    passed: list[Passed] = []
    suspected: list[str] = []
    for answer in answers(case, order):
        if answer.state == "found":
            return Finding(
                symptom=answer.symptom,
                state=ENDS.get(answer.symptom, "failure"),  # type: ignore[arg-type]
                step=case.step,
                sentence=answer.why,
                evidence=answer.evidence,
                ruled_out=tuple(passed),
                remedies=answer.remedies,
                suspected=tuple(suspected),
            )
        if answer.state == "suspected":
            suspected.append(answer.symptom)
        told = answer.state != "unknown"
        why = answer.why if answer.state != "suspected" else "seen, but not yet for long enough"
        passed.append(Passed(symptom=answer.symptom, why=why, told=told))
    return _otherwise(case, tuple(passed), tuple(suspected))


def _otherwise(case: Case, passed: tuple[Passed, ...], suspected: tuple[str, ...]) -> Finding:
    """Nothing is the matter, or nothing can be told."""
    distances = [value for _, value in case.values("referee.distance")]

    def finding(symptom: str, state: str, sentence: str) -> Finding:
        return Finding(
            symptom=symptom,
            state=state,  # type: ignore[arg-type]
            step=case.step,
            sentence=sentence,
            ruled_out=passed,
            suspected=suspected,
        )

    if len(distances) < FEWEST:
        return finding(
            "cannot tell",
            "unknown",
            f"because there are {len(distances)} probes of samples, and it takes {FEWEST}: "
            "play on.",
        )
    if suspected:
        return finding("watch", "watch", f"{' and '.join(suspected)} would be found if it lasts.")
    recent = distances[-8:]
    if falls(recent):
        return finding("healthy, improving", "healthy", "the distance to held-out data falls.")
    if rises(recent):
        return finding("watch", "watch", "the distance to held-out data rises.")
    return finding("healthy", "healthy", "nothing is the matter: play on.")
