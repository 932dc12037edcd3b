"""The f-divergences of Nowozin et al. 2016 as values: f, f', f* and the output activation."""

from gannets.theory.f_divergences.logarithms import GAN, KL, JensenShannon, ReverseKL
from gannets.theory.f_divergences.powers import (
    NeymanChi2,
    PearsonChi2,
    SquaredHellinger,
    TotalVariation,
)
from gannets.theory.f_divergences.protocol import FDivergence

__all__ = [
    "GAN",
    "KL",
    "FDivergence",
    "JensenShannon",
    "NeymanChi2",
    "PearsonChi2",
    "ReverseKL",
    "SquaredHellinger",
    "TotalVariation",
]
