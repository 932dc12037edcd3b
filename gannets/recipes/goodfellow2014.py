"""Generative Adversarial Nets (Goodfellow et al. 2014), on MNIST, with the authors' settings.

The settings are those of the authors' code (github.com/goodfeli/adversarial, `mnist.yaml`), where
it says more than the paper: z uniform with unit variance; G 100-1200-1200-784, ReLU, sigmoid
output whose bias starts at the data's marginals, weights U(-.05, .05); D two maxout layers of 240
units with 5 pieces, weights U(-.005, .005), dropout keeping .8 of the input and .5 of what is
hidden; momentum from .5 to .7 over 250 epochs, learning rate .1 divided by 1.000004 at every
update; both gradients from one draw at the same parameters. G ascends log D(G(z)) (section 3). The
authors' D descends half of the objective here, the mean of its two halves, hence D's learning rate
of .05.

To expect: digits after a few dozen epochs (an epoch is 500 updates); the paper reports a Parzen
window log-likelihood of 225 +- 2.
"""

from gannets.data import Images
from gannets.game import Game, Players, Uniform
from gannets.nets import MLP, MaxoutMLP, UniformInit
from gannets.objectives import NonSaturating
from gannets.training import Nets, Recipe
from gannets.updates import SGD, Decay, Ramp, Simultaneous

goodfellow2014 = Recipe(
    name="goodfellow2014",
    data=Images("mnist", split="train[:50000]", bounds=(0.0, 1.0)),
    prior=Uniform(100),
    nets=Nets(
        generator=MLP(
            hidden=(1200, 1200),
            activation="relu",
            output="sigmoid",
            init=UniformInit(0.05),
            bias_from_data=True,
        ),
        discriminator=MaxoutMLP(
            units=(240, 240), pieces=5, keep=(0.8, 0.5), init=UniformInit(0.005)
        ),
    ),
    game=Game(NonSaturating()),
    update=Simultaneous(),
    optimizers=Players(
        generator=SGD(
            lr=Decay(0.1, 1.000004, floor=1e-6), momentum=Ramp(0.5, 0.7, steps=124_500, every=500)
        ),
        discriminator=SGD(
            lr=Decay(0.05, 1.000004, floor=5e-7), momentum=Ramp(0.5, 0.7, steps=124_500, every=500)
        ),
    ),
    batch=100,
    steps=125_000,
)
