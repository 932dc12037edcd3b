"""Terms: what a player is charged for besides the objective, and constraints on its parameters."""

from gannets.terms.clipping import Clip
from gannets.terms.constraint import Constraint, Constraints, constraint_of
from gannets.terms.gradient import (
    DRAGAN,
    R1,
    R2,
    FiniteDifferenceR1,
    FiniteDifferenceR2,
    GradientPenalty,
)
from gannets.terms.lazy import Lazy
from gannets.terms.norm import MaxNorm
from gannets.terms.precision import Single

__all__ = [
    "DRAGAN",
    "R1",
    "R2",
    "Clip",
    "Constraint",
    "Constraints",
    "FiniteDifferenceR1",
    "FiniteDifferenceR2",
    "GradientPenalty",
    "Lazy",
    "MaxNorm",
    "Single",
    "constraint_of",
]
