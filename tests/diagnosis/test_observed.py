"""What a probe makes of a generator's last step, and of copies of D whose numbers are none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gannets.diagnosis import Case
from gannets.errors import InputError
from gannets.training import State, prober
from gannets.training.observed import _reach
from gannets.training.prober import Prober
from gannets.training.probing import Probing
from tests.small import small


class ByHand(nn.Module):
    """A net whose activation is registered last, and is not its last step."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 8), nn.Linear(8, 3)
        self.activation = activation

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.b(self.activation(self.a(z)))
        return made


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Tanh(), nn.Sigmoid()])
def test_what_was_made_says_that_the_last_module_is_not_the_last_step(
    activation: nn.Module,
) -> None:
    z, net = torch.randn(64, 2), ByHand(activation)
    with torch.no_grad():
        net.b.bias -= 2  # of each reach some value of 192 is beyond
        assert _reach(net, net(z)) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("last", "reach"),
    [(nn.ReLU(), (0.0, math.inf)), (nn.Tanh(), (-1.0, 1.0)), (nn.Sigmoid(), (0.0, 1.0))],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_what_is_its_last_step_is_believed(
    last: nn.Module, reach: tuple[float, float], dtype: torch.dtype
) -> None:
    """At the ends, too, where one unit in the last place is rounding, and a hundred are none."""
    net = nn.Sequential(nn.Linear(2, 3), last, nn.Flatten())
    ends = torch.tensor([end for end in reach if math.isfinite(end)], dtype=dtype)
    eps = torch.finfo(dtype).eps
    assert _reach(net, ends + eps) == _reach(net, ends - eps) == reach
    assert _reach(net, ends - 100 * eps) == (-math.inf, math.inf)


def test_copies_whose_numbers_are_none_are_not_tried_at_every_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor by a run that is taken up again: that they were tried is kept with the probe."""
    tried = list[int]()

    def none(*_: Any, **__: Any) -> Any:
        tried.append(1)
        raise InputError("a value that is not finite")

    monkeypatch.setattr(prober, "discriminator_gains", none)
    monkeypatch.setattr(prober, "asks", lambda case: True)
    state = State(small("ring"), device="cpu")
    looks = Prober(state, Probing(every=1, n=20, clones=3))
    for step in range(1, prober.AGAIN + 2):
        state.advance()
        looks.probe()
        assert len(tried) == (1 if step <= prober.AGAIN else 2)
    first = type(looks.probes[0]).from_json(looks.probes[0].to_json())
    assert first.clones is not None
    assert math.isnan(first.clones.accuracy)
    # The rules see as much of them as if they had not been tried.
    seen = Case(probes=(replace(first, clones=first.clones),), recipe=state.recipe)
    for path in ("clones.reference", "clones.share", "clones.accuracy"):
        assert seen.evidence("it", path, above=0.0) is None
