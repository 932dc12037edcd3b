"""Known densities: exact samples, log densities, scores and modes. Frozen, printable values."""

from gannets.theory.densities.box import Box
from gannets.theory.densities.curves import Spirals, TwoMoons
from gannets.theory.densities.lattices import Grid, Ring
from gannets.theory.densities.mixture import Mixture
from gannets.theory.densities.normal import Normal
from gannets.theory.densities.protocol import Density
from gannets.theory.densities.singular import Dirac, ParallelLines

__all__ = [
    "Density",
    "Dirac",
    "Normal",
    "Grid",
    "Mixture",
    "ParallelLines",
    "Ring",
    "Spirals",
    "TwoMoons",
    "Box",
]
