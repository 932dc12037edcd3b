"""Conditional GAN (Mirza and Osindero 2014): both players are told the class.

Their equation 2, played with today's stable game (relativistic pairing, R1 and R2; real and
generated samples of a pair are of one class) on scikit-learn's digits, so that it runs anywhere in
a minute. Two MLPs that see an embedding of the class behind their input.

To expect: `gannets sample RUN --label 7` draws sevens.
"""

from gannets.data import Digits
from gannets.game import Conditional, Game, Gaussian, both
from gannets.nets import MLP
from gannets.objectives import RpGAN
from gannets.terms import R1, R2
from gannets.training import Nets, Recipe
from gannets.updates import Adam, Alternating, Average

conditional = Recipe(
    name="conditional",
    data=Digits(split="train"),
    prior=Gaussian(64),
    nets=Nets(
        generator=MLP(hidden=(256, 256), activation="relu"),
        discriminator=MLP(hidden=(256, 256), activation="leaky_relu"),
    ),
    game=Game(RpGAN(), discriminator_terms=(R1(gamma=1.0), R2(gamma=1.0))),
    joint=Conditional(),
    update=Alternating(k=1),
    optimizers=both(Adam(lr=1e-3, betas=(0.0, 0.99))),
    averaging=Average(half_life=32_000),
    batch=128,
    steps=3_000,
)
