"""What is wrong with a game, by what evidence, and what to change. One failure a file.

Rules read `Probe`s, rows of numbers that were seen as a game was played, and the recipe; they know
no net and no data, so that they can be asked again of a run that is long over.
"""

from gannets.diagnosis.case import Case
from gannets.diagnosis.finding import Answer, Evidence, Finding, Passed, Remedy
from gannets.diagnosis.order import ORDER, diagnosed
from gannets.diagnosis.probe import Clones, Learned, Outputs, Probe, Referee, Verdicts
from gannets.diagnosis.referee import compare

__all__ = [
    "ORDER",
    "Answer",
    "Case",
    "Clones",
    "Evidence",
    "Finding",
    "Learned",
    "Outputs",
    "Passed",
    "Probe",
    "Referee",
    "Remedy",
    "Verdicts",
    "compare",
    "diagnosed",
]
