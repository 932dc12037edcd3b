"""Who moves when, by which optimizer, and what is averaged."""

from gannets.updates.alternating import Alternating, Boost
from gannets.updates.averaging import Average, Averaged
from gannets.updates.consensus import Consensus
from gannets.updates.extragradient import Extragradient
from gannets.updates.optimistic import Optimistic
from gannets.updates.optimizers import SGD, Adam, Mover, Optimizer, RMSprop
from gannets.updates.position import Gradient, Position, Update
from gannets.updates.schedules import Constant, Cosine, Decay, Linear, Ramp, Schedule
from gannets.updates.simultaneous import Simultaneous

__all__ = [
    "SGD",
    "Adam",
    "Alternating",
    "Average",
    "Averaged",
    "Boost",
    "Consensus",
    "Constant",
    "Cosine",
    "Decay",
    "Extragradient",
    "Gradient",
    "Linear",
    "Mover",
    "Optimistic",
    "Optimizer",
    "Position",
    "RMSprop",
    "Ramp",
    "Schedule",
    "Simultaneous",
    "Update",
]
