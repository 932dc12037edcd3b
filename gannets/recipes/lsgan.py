"""Least squares GAN (Mao et al. 2017): D regresses on labels instead of classifying.

Equation 9 of the paper, the labels 0 and 1 for D and 1 for G; nets of DCGAN's kind; Adam with
learning rate 2e-4 and beta1 .5, batch 64 (section 4.1). The averaged generator is ours.

To expect on MNIST: as `dcgan`, with losses that stay near .25 for D.
"""

from gannets.data import Images
from gannets.game import Game, Uniform, both
from gannets.nets import DCGAN
from gannets.objectives import LeastSquares
from gannets.training import Nets, Recipe
from gannets.updates import Adam, Alternating, Average

lsgan = Recipe(
    name="lsgan",
    data=Images("mnist", split="train"),
    prior=Uniform(100),
    nets=Nets(generator=DCGAN(width=64, kernel=5), discriminator=DCGAN(width=64, kernel=5)),
    game=Game(LeastSquares(a=0.0, b=1.0, c=1.0)),
    update=Alternating(k=1),
    optimizers=both(Adam(lr=2e-4, betas=(0.5, 0.999))),
    averaging=Average(half_life=20_000),
    batch=64,
    steps=24_000,
)
