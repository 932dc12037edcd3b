"""Objectives: what the players play for, one family of the literature a file."""

from gannets.objectives.f_divergence import FGAN
from gannets.objectives.hinge import Hinge
from gannets.objectives.least_squares import LeastSquares
from gannets.objectives.minimax import Minimax, NonSaturating
from gannets.objectives.relativistic import RelativisticAverage, RpGAN
from gannets.objectives.wasserstein import Wasserstein

__all__ = [
    "FGAN",
    "Hinge",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "RelativisticAverage",
    "RpGAN",
    "Wasserstein",
]
