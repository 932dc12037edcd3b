"""The game: its players, what they see, and what they are charged for."""

from gannets.game.batch import Batch
from gannets.game.game import Game, Losses, Net, Term, term_name
from gannets.game.group import ALONE, Group
from gannets.game.joint import Conditional, InstanceNoise, Joint, Marginal, Packed, View
from gannets.game.judge import Judge, input_gradient
from gannets.game.objective import Objective, Solved
from gannets.game.players import PLAYERS, Player, Players, both
from gannets.game.prior import Gaussian, Prior, Spherical, Uniform
from gannets.game.space import Space
from gannets.game.stream import Stream, seeded

__all__ = [
    "ALONE",
    "PLAYERS",
    "Batch",
    "Conditional",
    "Game",
    "Gaussian",
    "Group",
    "InstanceNoise",
    "Joint",
    "Judge",
    "Losses",
    "Marginal",
    "Net",
    "Objective",
    "Packed",
    "Player",
    "Players",
    "Prior",
    "Solved",
    "Space",
    "Spherical",
    "Stream",
    "Term",
    "Uniform",
    "View",
    "both",
    "input_gradient",
    "seeded",
    "term_name",
]
