"""Wasserstein GAN (Arjovsky et al. 2017): a critic with clipped weights estimates W1.

Algorithm 1 of the paper and the authors' code: RMSprop with learning rate 5e-5, weights clipped to
[-.01, .01] after each critic step, five critic steps, a hundred in the first 25 updates and at
every 500th, batch 64, z of 100 dimensions normal.

To expect: slow and steady; minus D's loss falls as samples improve (figure 3).
"""

from gannets.data import Images
from gannets.game import Game, Gaussian, both
from gannets.nets import DCGAN
from gannets.objectives import Wasserstein
from gannets.terms import Clip
from gannets.training import Nets, Recipe
from gannets.updates import Alternating, Boost, RMSprop

wgan = Recipe(
    name="wgan",
    data=Images("mnist", split="train"),
    prior=Gaussian(100),
    nets=Nets(generator=DCGAN(width=64, kernel=4), discriminator=DCGAN(width=64, kernel=4)),
    game=Game(Wasserstein()),
    update=Alternating(k=5, boost=Boost(k=100, first=25, every=500)),
    optimizers=both(RMSprop(lr=5e-5)),
    constraint=Clip(bound=0.01),
    batch=64,
    steps=20_000,
)
