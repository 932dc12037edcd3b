"""DCGAN (Radford et al. 2016): convolutional nets with batch normalisation.

Settings of section 4 and of the authors' code: Adam with learning rate 2e-4 and beta1 .5 for both,
batch 128, z of 100 dimensions uniform, weights N(0, .02), 5x5 convolutions of stride 2, leaky ReLU
in D. The averaged generator is ours. For images of 16 pixels a side and more; the first choice for
a set nobody has made a recipe for.

To expect on MNIST: legible digits after one epoch (470 updates).
"""

from gannets.data import Images
from gannets.game import Game, Uniform, both
from gannets.nets import DCGAN, NormalInit
from gannets.objectives import NonSaturating
from gannets.training import Nets, Recipe
from gannets.updates import Adam, Alternating, Average

dcgan = Recipe(
    name="dcgan",
    data=Images("mnist", split="train"),
    prior=Uniform(100),
    nets=Nets(
        generator=DCGAN(width=64, kernel=5, init=NormalInit(0.02)),
        discriminator=DCGAN(width=64, kernel=5, init=NormalInit(0.02)),
    ),
    game=Game(NonSaturating()),
    update=Alternating(k=1),
    optimizers=both(Adam(lr=2e-4, betas=(0.5, 0.999))),
    averaging=Average(half_life=20_000),
    batch=128,
    steps=12_000,
)
