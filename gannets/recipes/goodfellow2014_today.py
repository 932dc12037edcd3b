"""The nets of Goodfellow et al. (2014) on MNIST, trained with what has been learnt since.

The two nets, prior and batch are those of `goodfellow2014`; D's dropout is left out, since
penalties hold its slope. New are relativistic pairing with R1 and R2 (Huang et al. 2024, section
2), Adam with beta1 = 0 for both players, which move in turn, each on a batch of its own, an average
of G's weights (Yazici et al. 2019), and a learning rate that ends at zero.

To expect: more than the Parzen log-likelihood that the authors' settings reach, in a sixth of
their updates; see `gannets reproduce table1-mnist`.
"""

from dataclasses import replace

from gannets.game import Game, both
from gannets.nets import MaxoutMLP
from gannets.objectives import RpGAN
from gannets.recipes.goodfellow2014 import goodfellow2014
from gannets.terms import R1, R2
from gannets.training import Nets
from gannets.updates import Adam, Alternating, Average, Linear

goodfellow2014_today = replace(
    goodfellow2014,
    name="goodfellow2014_today",
    nets=Nets(goodfellow2014.nets.generator, MaxoutMLP(keep=(1.0, 1.0))),
    game=Game(RpGAN(), discriminator_terms=(R1(gamma=0.5), R2(gamma=0.5))),
    update=Alternating(k=1),
    optimizers=both(Adam(lr=Linear(5e-4, 0.0, steps=5_000, after=15_000), betas=(0.0, 0.99))),
    averaging=Average(half_life=100_000),
    steps=20_000,
)
