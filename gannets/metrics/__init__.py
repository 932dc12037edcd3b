"""Metrics: how far p_g is from p_data, as estimates with intervals, floors and protocols."""

from gannets.metrics.authenticity import Authenticity, MemorisationInformed
from gannets.metrics.catalogue import METRICS
from gannets.metrics.classifier import ClassifierScore, GanTrainTest
from gannets.metrics.comparison import Comparison, FeatureMap, Metric, Unmeasurable
from gannets.metrics.critic import CriticDivergence
from gannets.metrics.diversity import EffectiveRank, Spread, Vendi
from gannets.metrics.duality import DualityGap
from gannets.metrics.energy import Energy
from gannets.metrics.estimate import Estimate
from gannets.metrics.frechet import Frechet
from gannets.metrics.frechet_infinity import FrechetInfinity
from gannets.metrics.gallery import gallery
from gannets.metrics.gilbo import GILBO
from gannets.metrics.kernel import KernelDistance, KernelSubsets
from gannets.metrics.latent import JacobianConditioning, PathLength
from gannets.metrics.likelihood_score import FLD
from gannets.metrics.marginal import MarginalWasserstein
from gannets.metrics.memorisation import Memorisation
from gannets.metrics.mmd import MMD
from gannets.metrics.modes import LabelledModes, Modes
from gannets.metrics.moments import FeatureAccumulator, MomentsAccumulator
from gannets.metrics.neighbours import PRDC, OneNearestNeighbour
from gannets.metrics.overfitting import DiscriminatorAUC
from gannets.metrics.parzen import Parzen
from gannets.metrics.patches import PatchSlicedWasserstein
from gannets.metrics.prd import PRD
from gannets.metrics.report import Report, Reports, measure
from gannets.metrics.samples import Samples
from gannets.metrics.similarity import MSSSIM
from gannets.metrics.sinkhorn import Sinkhorn
from gannets.metrics.sliced import SlicedWasserstein
from gannets.metrics.stacked import StackedModes
from gannets.metrics.statistics import (
    Statistics,
    build_statistics,
    load_statistics,
    save_statistics,
    verify_statistics,
)
from gannets.metrics.support import SupportSize
from gannets.metrics.table_copies import TableCopies
from gannets.metrics.tables import TableReport
from gannets.metrics.transport import Assignment
from gannets.metrics.two_sample import C2ST
from gannets.metrics.utility import TableUtility

__all__ = [
    "Assignment",
    "Authenticity",
    "build_statistics",
    "C2ST",
    "ClassifierScore",
    "Comparison",
    "CriticDivergence",
    "DiscriminatorAUC",
    "DualityGap",
    "EffectiveRank",
    "Energy",
    "Estimate",
    "FeatureAccumulator",
    "FeatureMap",
    "FLD",
    "Frechet",
    "FrechetInfinity",
    "gallery",
    "GanTrainTest",
    "GILBO",
    "JacobianConditioning",
    "KernelDistance",
    "KernelSubsets",
    "LabelledModes",
    "load_statistics",
    "MarginalWasserstein",
    "measure",
    "Memorisation",
    "MemorisationInformed",
    "Metric",
    "METRICS",
    "MMD",
    "Modes",
    "MomentsAccumulator",
    "MSSSIM",
    "OneNearestNeighbour",
    "Parzen",
    "PatchSlicedWasserstein",
    "PathLength",
    "PRD",
    "PRDC",
    "Report",
    "Reports",
    "Samples",
    "save_statistics",
    "Sinkhorn",
    "SlicedWasserstein",
    "Spread",
    "StackedModes",
    "Statistics",
    "SupportSize",
    "TableCopies",
    "TableReport",
    "TableUtility",
    "Unmeasurable",
    "Vendi",
    "verify_statistics",
]
