"""The game: its players, what they see, and what they are charged for."""

from gannets.game.batch import Batch
from gannets.game.game import Game, Losses, Net, Term, term_name
from gannets.game.group import ALONE, Group
from gannets.game.joint import Conditional, Joint, Marginal, Packed
from gannets.game.judge import Judge, input_gradient
from gannets.game.objective import Objective, Solved
from gannets.game.players import PLAYERS, Player, Players, both
from gannets.game.prior import Gaussian, Prior, Spherical, Uniform
from gannets.game.space import Space
from gannets.game.stream import Stream, seeded
from gannets.game.views import (
    Brightness,
    Contrast,
    Cutout,
    Flip,
    InstanceNoise,
    Rotate,
    Saturation,
    Translation,
    View,
)

__all__ = [
    "ALONE",
    "PLAYERS",
    "Batch",
    "Brightness",
    "Conditional",
    "Contrast",
    "Cutout",
    "Flip",
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
    "Rotate",
    "Saturation",
    "Solved",
    "Space",
    "Spherical",
    "Stream",
    "Term",
    "Translation",
    "Uniform",
    "View",
    "both",
    "input_gradient",
    "seeded",
    "term_name",
]
