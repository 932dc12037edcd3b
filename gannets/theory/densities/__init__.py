"""Known densities: exact samples, log densities, scores and modes. Frozen, printable values."""

from gannets.theory.densities.curves import Spirals, TwoMoons
from gannets.theory.densities.gaussian import Gaussian
from gannets.theory.densities.lattices import Grid, Ring
from gannets.theory.densities.mixture import Mixture
from gannets.theory.densities.protocol import Density
from gannets.theory.densities.singular import Dirac, ParallelLines
from gannets.theory.densities.uniform import Uniform

__all__ = [
    "Density",
    "Dirac",
    "Gaussian",
    "Grid",
    "Mixture",
    "ParallelLines",
    "Ring",
    "Spirals",
    "TwoMoons",
    "Uniform",
]
