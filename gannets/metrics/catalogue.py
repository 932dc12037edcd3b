"""The metrics by name, for the command line, and which of them are measured unasked."""

from __future__ import annotations

from gannets.errors import InputError, unknown
from gannets.metrics.authenticity import Authenticity, MemorisationInformed
from gannets.metrics.classifier import ClassifierScore, GanTrainTest
from gannets.metrics.comparison import Comparison, Metric
from gannets.metrics.critic import CriticDivergence
from gannets.metrics.diversity import EffectiveRank, Spread, Vendi
from gannets.metrics.duality import DualityGap
from gannets.metrics.energy import Energy
from gannets.metrics.frechet import Frechet
from gannets.metrics.frechet_infinity import FrechetInfinity
from gannets.metrics.gilbo import GILBO
from gannets.metrics.kernel import KernelDistance, KernelSubsets
from gannets.metrics.latent import JacobianConditioning, PathLength
from gannets.metrics.likelihood_score import FLD
from gannets.metrics.marginal import MarginalWasserstein
from gannets.metrics.memorisation import Memorisation
from gannets.metrics.mmd import MMD
from gannets.metrics.modes import LabelledModes, Modes
from gannets.metrics.neighbours import PRDC, OneNearestNeighbour
from gannets.metrics.overfitting import DiscriminatorAUC
from gannets.metrics.parzen import Parzen
from gannets.metrics.patches import PatchSlicedWasserstein
from gannets.metrics.prd import PRD
from gannets.metrics.similarity import MSSSIM
from gannets.metrics.sinkhorn import Sinkhorn
from gannets.metrics.sliced import SlicedWasserstein
from gannets.metrics.stacked import StackedModes
from gannets.metrics.support import SupportSize
from gannets.metrics.table_copies import TableCopies
from gannets.metrics.tables import TableReport
from gannets.metrics.transport import Assignment
from gannets.metrics.two_sample import C2ST
from gannets.metrics.utility import TableUtility

__all__ = ["METRICS", "automatic", "named", "needs_game"]

METRICS: dict[str, Metric] = {
    # How far.
    "fd": Frechet(),
    "fd_inf": FrechetInfinity(),
    "kd": KernelDistance(),
    "kid_subset": KernelSubsets(),
    "mmd": MMD(),
    "energy": Energy(),
    "sliced": SlicedWasserstein(),
    "swd": PatchSlicedWasserstein(),
    "w1": MarginalWasserstein(),
    "w2_exact": Assignment(),
    "sinkhorn": Sinkhorn(),
    "jsd": CriticDivergence(),
    # How faithful, how various.
    "prdc": PRDC(),
    "prd": PRD(),
    "c2st": C2ST(),
    "c2st_logistic": C2ST(classifier="logistic"),
    "c2st_boosting": C2ST(classifier="boosting"),
    "one_nn": OneNearestNeighbour(),
    "modes": Modes(),
    "labelled_modes": LabelledModes(),
    "stacked": StackedModes(),
    "support": SupportSize(),
    "effective_rank": EffectiveRank(),
    "spread": Spread(),
    "vendi": Vendi(),
    "ms_ssim": MSSSIM(),
    # How likely.
    "parzen": Parzen(),
    # Learned, or learned by heart.
    "memorisation": Memorisation(),
    "authenticity": Authenticity(),
    "mifid": MemorisationInformed(),
    "fld": FLD(),
    # What a classifier makes of it.
    "classifier_score": ClassifierScore(),
    "gan_train": GanTrainTest(),
    # The latent space.
    "ppl": PathLength(),
    "jacobian": JacobianConditioning(),
    "gilbo": GILBO(),
    # The game.
    "duality_gap": DualityGap(),
    "d_auc": DiscriminatorAUC(),
    # Tables.
    "table": TableReport(),
    "copies": TableCopies(),
    "utility": TableUtility(),
}
"""Every metric as it is when only its name is given."""

_ALWAYS = ("fd", "kd", "mmd", "sliced", "prdc", "c2st", "one_nn", "effective_rank")


def automatic(comparison: Comparison) -> dict[str, Metric]:
    """What is measured unless something else is asked for: all that fits and takes seconds."""
    names = list(_ALWAYS)
    if comparison.real.frame is not None:
        names += ["table", "copies"]
    elif not comparison.real.are_images and comparison.real.event[0] <= 16:
        names.append("w1")
    if comparison.density is not None:
        names.append("modes")
    if comparison.classifier is not None:
        names += ["classifier_score", "labelled_modes"]
    if comparison.train is not None:
        names += ["memorisation", "authenticity"]
    return {name: METRICS[name] for name in names}


def named(names: list[str]) -> dict[str, Metric]:
    """The metrics of these names."""
    if not names:
        raise InputError("No metric is named: give names such as fd,prdc, or auto.")
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
    return {name: METRICS[name] for name in names}


def needs_game(metric: object) -> bool:
    """Whether it is measured on the game itself, which then has to be brought back."""
    return isinstance(metric, (DualityGap, DiscriminatorAUC))
