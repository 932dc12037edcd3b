"""Measuring a game as it is played: it changes nothing of it, and what follows from it holds."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gannets import evaluate, train
from gannets.errors import InputError
from gannets.metrics import PRDC, Comparison, DiscriminatorAUC, Estimate, Frechet, Report
from gannets.training import Evaluation, Recipe, Run, StopWhen, Training
from gannets.training.evaluation import best_of, reached
from gannets.updates import SGD
from tests.reliability.same import hashes
from tests.small import LITTLE, small


def quick(folder: Path, **changes: object) -> Recipe:
    """Twelve updates, a checkpoint at 5 and 10 and evaluations at 0, 2, ... 12."""
    values = {"steps": 12, "checkpoint_every": 5, "sample_every": 0, "evaluation": LITTLE}
    return replace(small("digits", folder=folder), **{**values, **changes})  # type: ignore[arg-type]


def estimate(value: float, *, key: str = "fd", better: str = "lower") -> Report:
    return Report((Estimate(key=key, name="FD", value=value, better=better),))  # type: ignore[arg-type]


def test_it_changes_nothing_of_the_game(tmp_path: Path) -> None:
    evaluated = Training.start(quick(tmp_path), out=tmp_path / "one", device="cpu")
    plain = Training.start(quick(tmp_path, evaluation=None), out=tmp_path / "two", device="cpu")
    before = torch.random.get_rng_state()
    for training in (evaluated, plain):
        for _ in training:
            pass
    assert torch.equal(torch.random.get_rng_state(), before)
    one, two = evaluated.state.tensors(), plain.state.tensors()
    assert all(torch.equal(one[name], two[name]) for name in two)
    assert evaluated.run.metrics() == plain.run.metrics()
    assert evaluated.state.players.generator.training == plain.state.players.generator.training


def test_when_it_is_made_and_what_it_says(tmp_path: Path) -> None:
    run = train(quick(tmp_path), out=tmp_path / "run", device="cpu")
    evaluated = run.evaluations()
    assert [step for step, _ in evaluated] == [0, 2, 4, 6, 8, 10, 12]
    for step, report in evaluated:
        assert report.provenance["fake"] == f"step {step}"
        assert report["fd"].n == (20, 20)
        assert report["fd"].floor is not None
    assert len({report["fd"].identity for _, report in evaluated}) == 1


def test_it_measures_what_evaluate_would(tmp_path: Path) -> None:
    """On the same samples: those of the run's seed, against the same real ones."""
    recipe = quick(tmp_path, seed=3)
    run = train(recipe, out=tmp_path / "run", device="cpu")
    _, report = run.evaluations()[-1]
    again = evaluate(fake=run, metrics=LITTLE.metrics, n=20, seed=3)
    assert isinstance(again, Report)
    assert again["fd"].value == report["fd"].value
    assert again["fd"].identity == report["fd"].identity


def test_the_best_is_kept_however_many_follow(tmp_path: Path) -> None:
    run = train(quick(tmp_path, keep=1), out=tmp_path / "run", device="cpu")
    values = {step: report["fd"].value for step, report in run.evaluations() if step}
    step = min(values, key=lambda step: values[step])
    assert run.best()["fd"].step == step
    assert run.best()["fd"].value == values[step]
    assert {int(path.name) for path in run.checkpoints()} == {step, 12}
    short = train(replace(run.recipe, steps=step), out=tmp_path / "short", device="cpu")
    for file in ("model.safetensors", "config.json"):
        best, last = run.path / "model-best" / file, short.path / "model" / file
        assert best.read_bytes() == last.read_bytes()
    assert torch.equal(run.best_model.sample(4), short.sample(4))


@pytest.mark.parametrize("at", [1, 2, 4, 5, 7, 10, 11])
def test_a_run_taken_up_again_is_the_same(tmp_path: Path, at: int) -> None:
    recipe = quick(tmp_path, keep=1)
    whole = train(recipe, out=tmp_path / "whole", device="cpu")
    cut = Training.start(recipe, out=tmp_path / "cut", device="cpu")
    for step in cut:
        if step.index == at:
            break
    cut.close()
    for _ in Training.resume(cut.run.path, device="cpu"):
        pass
    assert hashes(cut.run.path) == hashes(whole.path)


def test_a_kill_between_measuring_and_marking_is_made_good(tmp_path: Path) -> None:
    """The evaluation is there and the checkpoint is there, and nobody has said it is the best."""
    recipe = quick(tmp_path, steps=2)
    whole = train(recipe, out=tmp_path / "whole", device="cpu")
    cut = train(recipe, out=tmp_path / "cut", device="cpu")
    assert whole.best()["fd"].step == 2
    marks = json.loads((cut.path / "best.json").read_text())["marks"]
    cut.store.rewind(1)
    shutil.rmtree(cut.path / "model-best")
    assert json.loads((cut.path / "best.json").read_text())["marks"] != marks
    for _ in Training.resume(cut.path, device="cpu"):
        pass
    assert hashes(cut.path) == hashes(whole.path)


def test_stopping_when_nothing_is_gained(tmp_path: Path) -> None:
    """A generator that does not move does not improve after its first evaluation."""
    still = replace(small("digits").optimizers, generator=SGD(0.0), discriminator=SGD(0.0))
    evaluation = replace(LITTLE, stop=StopWhen(patience=3))
    recipe = quick(tmp_path, steps=40, optimizers=still, averaging=None, evaluation=evaluation)
    training = Training.start(recipe, out=tmp_path / "run", device="cpu")
    assert [step.index for step in training][-1] == 8  # 2 is the best; 4, 6 and 8 are no better
    assert training.watch.ended is not None
    assert "not improved in 3 evaluations" in training.watch.ended
    assert "at step 2" in training.watch.ended
    assert training.run.best()["fd"].step == 2
    assert "stopped at step 8" in (training.run.path / "log.txt").read_text()
    again = Training.resume(training.run.path, device="cpu")
    assert not list(again)  # it had come to its end
    assert again.watch.ended == training.watch.ended


def test_stopping_at_a_value(tmp_path: Path) -> None:
    evaluation = replace(LITTLE, stop=StopWhen(patience=None, value=1e9))
    recipe = quick(tmp_path, evaluation=evaluation)
    training = Training.start(recipe, out=tmp_path / "run", device="cpu")
    # An untrained generator may be as good as that, but a run is not over before it begins.
    assert [step.index for step in training] == [1, 2]
    assert training.watch.ended is not None
    assert "has reached" in training.watch.ended


@pytest.mark.parametrize(
    ("values", "patience", "ends"),
    [
        ([5.0, 4.0, 3.0], 2, False),
        ([5.0, 3.0, 4.0], 2, False),
        ([5.0, 3.0, 4.0, 3.0], 2, True),  # as good is not better
        ([5.0, 3.0, 4.0, 2.0, 2.5], 2, False),
        ([1.0, 3.0, 2.0], 1, False),  # the untrained one, at step 0, is never the best
    ],
)
def test_patience(values: list[float], patience: int, ends: bool) -> None:
    evaluated = [(step, estimate(value)) for step, value in enumerate(values)]
    assert (reached(evaluated, StopWhen(patience=patience)) is not None) == ends


def test_the_best_in_either_direction() -> None:
    values = enumerate([9.0, 1.0, 3.0, 2.0])
    assert best_of([(step, estimate(value)) for step, value in values], "fd") == 1
    values = enumerate([9.0, 1.0, 3.0, 2.0])
    higher = [(step, estimate(value, better="higher")) for step, value in values]
    assert best_of(higher, "fd") == 2
    assert best_of(higher, "kd") is None
    assert best_of([(1, estimate(float("nan"))), (2, estimate(2.0))], "fd") == 2


def test_an_estimate_that_no_metric_gives_is_refused_at_once(tmp_path: Path) -> None:
    recipe = quick(tmp_path, evaluation=replace(LITTLE, best="fid"))
    training = Training.start(recipe, out=tmp_path / "run", device="cpu")
    with pytest.raises(InputError, match="Did you mean 'fd'"):
        next(iter(training))
    training.close()


class Flaky:
    """A metric that cannot be measured once the game has begun."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        self.calls += 1
        if self.calls > 1:
            raise InputError("There is nothing to measure.")
        return (comparison.estimate(self, "fd", "FD", 1.0),)


def test_what_cannot_be_measured_does_not_end_a_game(tmp_path: Path) -> None:
    evaluation = Evaluation(every=2, metrics=(Flaky(),), n=20)
    training = Training.start(quick(tmp_path), out=tmp_path / "run", device="cpu")
    training.watch.monitor._evaluation = evaluation  # type: ignore[union-attr]
    assert [step.index for step in training][-1] == 12
    assert [len(report) for _, report in training.watch.evaluated] == [1, 0, 0, 0, 0, 0, 0]
    assert training.watch.evaluated[1][1].skipped == (("step 2", "There is nothing to measure."),)
    assert not training.run.best()


def test_data_that_hold_nothing_out_are_measured_against_themselves(tmp_path: Path) -> None:
    run = train(quick(tmp_path), out=tmp_path / "run", device="cpu")
    assert "trained on" in run.evaluations()[0][1].provenance["real"]
    report = evaluate(fake=run, metrics=LITTLE.metrics)
    assert isinstance(report, Report)
    assert "learned it by heart" in report.provenance["notes"][0]


def test_what_is_held_out_is_measured_against() -> None:
    from gannets import recipes
    from gannets.training.standing import held_out

    found = held_out(recipes.get("digits"))
    assert found is not None
    assert found[0] == "validation"
    assert len(found[1]) == 300


def test_the_game_itself_can_be_measured(tmp_path: Path) -> None:
    evaluation = Evaluation(every=2, metrics=(DiscriminatorAUC(samples=60),), n=20, best="d_auc")
    from gannets import recipes

    recipe = replace(
        recipes.get("digits"), steps=4, evaluation=evaluation, sample_every=0, batch=16
    )
    run = train(recipe, out=tmp_path / "run", device="cpu")
    assert all(0 <= report["d_auc"].value <= 1 for _, report in run.evaluations())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"every": 0}, "Evaluation.every must be at least 1"),
        ({"n": 1}, "Evaluation.n must be at least 2"),
        ({"metrics": ()}, "Evaluation.metrics is empty"),
        ({"metrics": ("fd",)}, "'fd' is no metric"),
    ],
    ids=["every", "n", "none", "a name"],
)
def test_refusals(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Evaluation(**arguments)  # type: ignore[arg-type]


def test_an_evaluation_is_part_of_the_recipe(tmp_path: Path) -> None:
    evaluation = Evaluation(
        metrics=(Frechet(), PRDC(k=3)), features="pca:8", stop=StopWhen(metric="fd", patience=2)
    )
    recipe = quick(tmp_path, evaluation=evaluation, steps=1)
    run = train(recipe, out=tmp_path / "run", device="cpu")
    assert Run(run.path).recipe == recipe
