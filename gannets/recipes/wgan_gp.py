"""Wasserstein GAN with gradient penalty (Gulrajani et al. 2017), algorithm 1 of the paper.

The critic's gradient is held near norm 1 between data and samples: weight 10, two-sided, one
interpolation coefficient a sample. Five critic steps, Adam with learning rate 1e-4 and betas (.5,
.9), batch 50 on MNIST (the authors' `gan_mnist.py`). No batch normalisation in the critic, where
each sample must be judged by itself (section 4).

To expect: no collapse and no tuning; minus D's loss falls towards 0 as samples improve.
"""

from gannets.data import Images
from gannets.game import Game, Gaussian, both
from gannets.nets import DCGAN
from gannets.objectives import Wasserstein
from gannets.terms import GradientPenalty
from gannets.training import Nets, Recipe
from gannets.updates import Adam, Alternating

wgan_gp = Recipe(
    name="wgan_gp",
    data=Images("mnist", split="train"),
    prior=Gaussian(128),
    nets=Nets(
        generator=DCGAN(width=64, kernel=5),
        discriminator=DCGAN(width=64, kernel=5, batch_norm=False),
    ),
    game=Game(Wasserstein(), discriminator_terms=(GradientPenalty(weight=10.0),)),
    update=Alternating(k=5),
    optimizers=both(Adam(lr=1e-4, betas=(0.5, 0.9))),
    batch=50,
    steps=20_000,
)
