"""Generative Adversarial Nets (Goodfellow et al. 2014), on CIFAR-10, with fully connected nets.

The settings are those of the authors' code (github.com/goodfeli/adversarial,
`cifar10_fully_connected.yaml`): each image with mean 0 and norm 55; z Gaussian; G
100-8000-8000-3072, ReLU, then sigmoid, weights U(-.05, .05), linear output with weights U(-.5, .5);
D two maxout layers of 1600 units with 5 pieces, weights U(-.005, .005), dropout keeping .8 of the
input and .5 of what is hidden; batches of 100; momentum from .5 to .7 over 250 epochs, learning
rate .025 divided by 1.000004 at every update; both gradients from one draw at the same parameters.
The authors' D descends half of the objective here, the mean of its two halves, hence D's learning
rate of .0125. They state no number of epochs: here 250, until the momentum is steady.

The data are a file of yours with the 50,000 training images as `x_train`, uint8 (n, 3, 32, 32), of
which the authors train on the first 40,000 (docs/data.md makes it of the published archive):
`gannets train cifar10.npz --recipe goodfellow2014_cifar10`.

To expect: 89 million weights in G and 37 million in D, hence seconds an update on a processor.
Colours and vague shapes, as in figure 2c of the paper, which gives no likelihood for them.
"""

from gannets.data import File, GlobalContrast
from gannets.game import Game, Gaussian, Players
from gannets.nets import MLP, MaxoutMLP, UniformInit
from gannets.objectives import NonSaturating
from gannets.training import Nets, Recipe
from gannets.updates import SGD, Decay, Ramp, Simultaneous

goodfellow2014_cifar10 = Recipe(
    name="goodfellow2014_cifar10",
    data=GlobalContrast(File("cifar10.npz", split="train[:40000]"), scale=55.0),
    prior=Gaussian(100),
    nets=Nets(
        generator=MLP(
            hidden=(8000, 8000),
            activation=("relu", "sigmoid"),
            output="linear",
            init=(UniformInit(0.05), UniformInit(0.05), UniformInit(0.5)),
        ),
        discriminator=MaxoutMLP(
            units=(1600, 1600), pieces=5, keep=(0.8, 0.5), init=UniformInit(0.005)
        ),
    ),
    game=Game(NonSaturating()),
    update=Simultaneous(),
    optimizers=Players(
        generator=SGD(
            lr=Decay(0.025, 1.000004, floor=1e-6), momentum=Ramp(0.5, 0.7, steps=99_600, every=400)
        ),
        discriminator=SGD(
            lr=Decay(0.0125, 1.000004, floor=5e-7),
            momentum=Ramp(0.5, 0.7, steps=99_600, every=400),
        ),
    ),
    batch=100,
    steps=100_000,
)
