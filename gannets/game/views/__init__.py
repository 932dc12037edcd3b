"""What D sees instead of a sample: noise and augmentations, the same for data and for G's samples.

D cannot learn by heart what it never sees twice. Both sides are augmented, and G's gradient passes
through: Zhao et al. (2020), "Differentiable augmentation", section 3; Karras et al. (2020), "ADA".

G learns p_data itself, not the augmented p_data, where the augmentation is invertible as a map of
distributions (Karras et al. 2020, section 2.2). Turning every image by 0, 90, 180 or 270 degrees
with equal chances is not: an upright G and a toppled one then look the same to D, and the turns
leak into the samples. Turning a share p < 1 of the images so is invertible, as most stay upright.
So `Flip` and `Rotate` leak at p = 1 alone.

All random numbers come from the stream, a row for a sample: a share of a batch gets its own rows.
"""

from gannets.game.views.colour import Brightness, Contrast, Saturation
from gannets.game.views.geometry import Cutout, Flip, Rotate, Translation
from gannets.game.views.noise import InstanceNoise
from gannets.game.views.view import View, check_views

__all__ = [
    "Brightness",
    "Contrast",
    "Cutout",
    "Flip",
    "InstanceNoise",
    "Rotate",
    "Saturation",
    "Translation",
    "View",
    "check_views",
]
