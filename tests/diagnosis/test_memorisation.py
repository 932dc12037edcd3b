"""Memorisation: fakes nearer to the training side, by a wide margin or with copies beside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.diagnosis.bases import base
from benchmarks.diagnosis.scenarios import memorisation as scenarios
from benchmarks.diagnosis.scenarios.memorisation import NAMES, Copyist
from gannets import read
from gannets.data import Digits
from gannets.diagnosis.memorisation import Memorisation
from gannets.game import Space
from gannets.nets import MLP
from gannets.training.probing import Probing
from tests.diagnosis.synthetic import applied, case, healthy, symptom_of

RULE = Memorisation()
CPU = torch.device("cpu")
RECIPE = base("digits", 0)


def seen(**fields: float) -> dict[str, Any]:
    return {"learned": {"share": 0.58, "share_p": 1e-4, **fields}}


@pytest.mark.parametrize(
    "parts",
    [seen(share_p=1e-6), seen(duplicates_p=1e-3), seen(copying=-3.0)],
    ids=["share", "duplicates", "C_T"],
)
def test_any_group_of_evidence_is_enough_after_three_probes(parts: dict[str, Any]) -> None:
    assert RULE(case(RECIPE, [parts] * 2)).state == "suspected"
    answer = RULE(case(RECIPE, [{"learned": {}}, *[parts] * 3]))
    assert answer.state == "found"
    assert all(each.holds for each in answer.evidence)


@pytest.mark.parametrize(
    "fields",
    [
        {"share": 0.57, "share_p": 1e-9, "duplicates_p": 1e-9, "copying": -9.0},
        {"share_p": 2e-4, "duplicates_p": 1e-9, "copying": -9.0},
        {},
    ],
    ids=["hardly nearer", "not surely nearer", "no copies"],
)
def test_a_blob_in_the_middle_of_the_data_is_none(fields: dict[str, float]) -> None:
    # A healthy game's first samples, nearer to all data than these to each other: C_T was -9.5
    # after 500 updates on MNIST, and -4.8 at the end on faces.
    assert RULE(case(RECIPE, [seen(**fields)] * 5)).state == "cleared"


def test_it_cannot_be_told_without_held_out_samples_and_not_be_of_endless_ones() -> None:
    assert RULE(case(RECIPE, [{}] * 3)).state == "unknown"
    answer = RULE(case(RECIPE, [seen(share_p=0)] * 3, endless=True))
    assert answer.state == "cleared"


def test_what_cleared_it_is_all_said() -> None:
    answer = RULE(case(RECIPE, [seen(copying=-1.0)]))
    assert {e.path for e in answer.evidence} == {
        "learned.share",
        "learned.share_p",
        "learned.duplicates_p",
        "learned.copying",
    }
    assert "C_T: -1, where it takes at most -3" in answer.why


def test_it_is_said_how_many_training_samples_were_looked_at() -> None:
    some = {"known": 1_000, "whole": 20_000}
    for parts in (seen(copying=-1.0, **some), seen(share_p=0, **some)):
        assert "(1,000 of 20,000 training samples" in RULE(case(RECIPE, [parts] * 3)).why
    every = seen(copying=-1.0, known=1_000, whole=1_000)
    assert "looked at" not in RULE(case(RECIPE, [every])).why
    (*_, last) = healthy()
    learned = last.last.learned
    assert learned is not None
    assert (learned.known, learned.whole) == (1_000, len(last.recipe.data.load(seed=0, device=CPU)))


def test_the_remedies_fit_the_recipe() -> None:
    few = replace(RECIPE, data=Digits(split="train[:100]"))
    more, views, smaller, best = applied(few, RULE(case(few, [seen(share_p=0)] * 3)).remedies)
    assert more.data == Digits(split="train[:90%]")
    assert views.joint.through
    assert smaller.nets.generator.hidden == (128, 128)
    assert best.evaluation is not None


def test_the_scenarios_g_holds_samples_and_its_recipe_can_be_read_again() -> None:
    recipe = next(s for s in scenarios.scenarios() if s.family == "digits").recipe(0)
    assert read(str(recipe), NAMES) == recipe
    data = Digits(split="train[:20]")
    space = Space(event=(1, 8, 8), latent=4, bounds=(0.0, 1.0))
    net = Copyist(data, MLP(), stray=0.0).generator(space)
    held, _ = data.load(seed=3, device=torch.device("cpu")).rows(torch.arange(20))
    made = net(torch.randn(200, 4)).detach()
    nearest = torch.cdist(made.flatten(1), held.flatten(1)).amin(1)
    # The product form of squared distances: √(1e-7 |x|²).
    assert float(nearest.max()) < 0.02
    assert len(made.flatten(1).unique(dim=0)) > 10


def test_it_is_found_where_g_holds_what_it_was_trained_on(tmp_path: Path) -> None:
    (scenario,) = (s for s in scenarios.scenarios() if s.family == "digits")
    recipe = replace(scenario.recipe(51), steps=200, probing=Probing(every=50))
    finding = symptom_of(recipe, tmp_path / "run", names=NAMES)
    assert finding.symptom == "memorisation"


def test_a_g_that_learns_a_thousand_images_is_none() -> None:
    assert len(healthy()) == 5
    assert not [seen.step for seen in healthy() if RULE(seen).state in ("found", "suspected")]
