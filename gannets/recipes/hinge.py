"""Hinge loss and spectral normalisation: SNGAN (Miyato et al. 2018).

The authors' CIFAR-10 settings (`sn_cifar10_unconditional.yml`): hinge loss, five D steps, Adam
with learning rate 2e-4 and betas (0, .9), batch 64 for D and 128 for G, z of 128 dimensions
normal, the learning rate falling linearly to 0 over the run. Every weight of D is spectrally
normalised. The nets here are of DCGAN's kind where the authors' are residual, and D moves first in
each cycle.

To expect: stable training without a penalty, at the price of five D steps.
"""

from gannets.data import Images
from gannets.game import Game, Gaussian, Players
from gannets.nets import DCGAN
from gannets.objectives import Hinge
from gannets.training import Nets, Recipe
from gannets.updates import Adam, Alternating, Average, Linear

hinge = Recipe(
    name="hinge",
    data=Images("mnist", split="train"),
    prior=Gaussian(128),
    nets=Nets(
        generator=DCGAN(width=64, kernel=4),
        discriminator=DCGAN(width=64, kernel=4, batch_norm=False, spectral_norm=True),
    ),
    game=Game(Hinge()),
    update=Alternating(k=5),
    optimizers=Players(
        generator=Adam(lr=Linear(2e-4, 0.0, steps=50_000), betas=(0.0, 0.9)),
        discriminator=Adam(lr=Linear(2e-4, 0.0, steps=250_000), betas=(0.0, 0.9)),
    ),
    averaging=Average(half_life=20_000),
    batch=64,
    generator_batch=128,
    steps=50_000,
)
