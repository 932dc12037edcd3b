"""In which order failures are ruled out, and what is left when all of them are.

The order is part of the verdict. A D that stands still makes G collapse to its argmax, so a starved
D is looked for before collapse; a D that is blind to a difference calls it even, so "converged" is
said last, and by the referee.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from gannets.diagnosis.augmentation_leak import AugmentationLeak
from gannets.diagnosis.averaging_hides import AveragingHides
from gannets.diagnosis.blind_discriminator import BlindDiscriminator
from gannets.diagnosis.blow_up import BlowUp
from gannets.diagnosis.case import COPIES, TREND, Case
from gannets.diagnosis.constant_output import ConstantOutput
from gannets.diagnosis.converged import Converged
from gannets.diagnosis.discriminator_overfitting import DiscriminatorOverfitting
from gannets.diagnosis.finding import Answer, Finding, Passed
from gannets.diagnosis.ignored_labels import IgnoredLabels
from gannets.diagnosis.ignored_latent import IgnoredLatent
from gannets.diagnosis.memorisation import Memorisation
from gannets.diagnosis.mode_collapse import ModeCollapse
from gannets.diagnosis.mode_dropping import ModeDropping
from gannets.diagnosis.non_finite import NonFinite
from gannets.diagnosis.oscillation import Oscillation
from gannets.diagnosis.plateau import Plateau
from gannets.diagnosis.shared_weights import SharedWeights
from gannets.diagnosis.starved_discriminator import StarvedDiscriminator
from gannets.diagnosis.trend import falls, rises
from gannets.diagnosis.untrained_discriminator import UntrainedDiscriminator
from gannets.diagnosis.value_range import ValueRange
from gannets.diagnosis.vanishing_gradient import VanishingGradient

__all__ = ["ORDER", "Rule", "asks", "diagnosed"]

Rule = Callable[[Case], Answer]

ORDER: tuple[Rule, ...] = (
    NonFinite(),
    BlowUp(),
    SharedWeights(),
    UntrainedDiscriminator(),
    ValueRange(),
    ConstantOutput(),
    IgnoredLatent(),
    IgnoredLabels(),
    VanishingGradient(),
    StarvedDiscriminator(),
    BlindDiscriminator(),
    DiscriminatorOverfitting(),
    AugmentationLeak(),
    ModeCollapse(),
    ModeDropping(),
    Oscillation(),
    Memorisation(),
    AveragingHides(),
    Converged(),
    Plateau(),
)
ENDS = {
    "converged": "converged",
    "plateau": "plateau",
    "averaging hides oscillation": "watch",
}
FEWEST = 3
FAR = 0.95
"""Of fakes and reals that are told, the share at which nothing is well yet."""


def asks(case: Case, order: Sequence[Rule] = ORDER) -> bool:
    """Whether a verdict hangs on copies of D: no rule before has found anything."""
    for rule in order:
        answer = rule(case)
        if answer.state == "found" or answer.asks:
            return answer.asks
    return False


def diagnosed(case: Case, order: Sequence[Rule] = ORDER) -> Finding:
    """The first rule that finds something, and why those before it did not; else how it goes."""
    passed: list[Passed] = []
    suspected: list[str] = []
    asked: list[str] = []
    for answer in (rule(case) for rule in order):
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
        if answer.asks and answer.symptom not in ENDS:
            asked.append(answer.symptom)
        told = answer.state != "unknown"
        why = answer.why if answer.state != "suspected" else "seen, but not yet for long enough"
        passed.append(Passed(symptom=answer.symptom, why=why, told=told))
    return _otherwise(case, tuple(passed), tuple(suspected), tuple(asked))


def _otherwise(
    case: Case, passed: tuple[Passed, ...], suspected: tuple[str, ...], asked: tuple[str, ...]
) -> Finding:
    """Nothing is the matter, or nothing can be told."""
    distances = [value for _, value in case.values("referee.distance")]
    recent = distances[-TREND:]

    def stands(trend: str) -> str:
        held = case.last.apart != 0
        data = "held-out data" if held else "training data, since none are held out,"
        return f"the distance to {data} {trend}{_numbers(case, recent)}"

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
            f"because it takes {FEWEST} probes of samples, and there have been {len(distances)}: "
            "play on.",
        )
    if asked:
        return finding(
            "cannot tell",
            "unknown",
            f"because it may be {' or '.join(asked)}, and copies of D have to be trained to see "
            f"that: {COPIES}.",
        )
    if suspected:
        return finding("watch", "watch", f"{' and '.join(suspected)} would be found if it lasts.")
    if falls(recent):
        return finding("healthy, improving", "healthy", f"play on: {stands('falls')}")
    if rises(recent):
        return finding("watch", "watch", stands("rises"))
    told = [value for _, value in case.values("referee.told")][-FEWEST:]
    if min(told) >= FAR and not case.falling("referee.nearest"):
        return finding(
            "watch", "watch", "the referee tells nearly all fakes, and that gets no better."
        )
    return finding("healthy", "healthy", f"play on: {stands('has no trend')}")


def _numbers(case: Case, recent: Sequence[float]) -> str:
    """Where the game stands: what the referee saw in the first and the last of some probes."""
    last = FEWEST if len(recent) >= 2 * FEWEST else 1
    first, now = median(recent[:last]), median(recent[-last:])
    lines = [f" ({first:.2g} to {now:.2g} over {len(recent)} probes; 0 for p_g = p_data)."]
    sentences = {
        "referee.told": "The referee tells {:.0%} of fakes and reals apart, where chance is 50%.",
        "referee.coverage_share": "Coverage is {:.0%} of a perfect generator's.",
    }
    for path, sentence in sentences.items():
        if seen := [value for _, value in case.values(path)][-last:]:
            lines.append(sentence.format(median(seen)))
    return " ".join(lines)
