"""What reproductions have in common: claims, figures, animations, a bench to work at."""

from gannets.reproduce.common.animation import Animation, save_animation
from gannets.reproduce.common.bench import Bench, Halted
from gannets.reproduce.common.claim import Claim, Figure, at_least, at_most, near, shown, true
from gannets.reproduce.common.drawing import drawing, pixels, save_drawing, save_pixels
from gannets.reproduce.common.protocol import Reproduction
from gannets.reproduce.common.reproduced import Reproduced, markdown

__all__ = [
    "Animation",
    "Bench",
    "Claim",
    "Figure",
    "Halted",
    "Reproduced",
    "Reproduction",
    "at_least",
    "at_most",
    "drawing",
    "markdown",
    "near",
    "pixels",
    "save_animation",
    "save_drawing",
    "save_pixels",
    "shown",
    "true",
]
