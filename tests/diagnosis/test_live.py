"""What is found while a game is played, and what is done about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
from torch import Tensor

from gannets import Run, load, train
from gannets.diagnosis import Finding, Remedy
from gannets.errors import InputError, RunWarning
from gannets.game import Game
from gannets.objectives import Minimax, NonSaturating
from gannets.training import Recipe, Training
from gannets.training.finite import NonFiniteError
from gannets.training.remedied import MOST, Attempts, _warned
from gannets.training.watch import verdict
from tests.diagnosis.fading import fading, healthy, played


def log(run: Run) -> str:
    return (run.path / "log.txt").read_text()


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that fails, of which nobody asked that it stop."""
    return train(fading(), out=tmp_path_factory.mktemp("noted") / "run", device="cpu")


def test_a_verdict_is_noted_once_where_it_changes(noted: Run) -> None:
    assert [probe.step for probe in noted.probes()] == [20, 40, 50, 60, 80, 100]
    news = re.findall(r"found at step (\d+): ([^:]+):", log(noted))
    assert news[-1] == ("60", "vanishing gradient")
    assert len({verdict for _, verdict in news}) == len(news)
    assert "finished at step 100" in log(noted)


def test_it_stops_where_it_is_found(tmp_path: Path, noted: Run) -> None:
    """Saved, and the same run until then; going on is another command, which does as it is told."""
    run = train(fading(), out=tmp_path / "run", device="cpu", on_finding="stop")
    assert "stopped at step 60: vanishing gradient: D tells" in log(run)
    assert [int(path.name) for path in run.checkpoints()][-1] == 60
    assert run.probes() == noted.probes()[:4]
    again = Training.resume(run.path, device="cpu")
    again.watch.on_finding = "stop"
    assert list(again) == []
    assert again.watch.heeded
    on = Training.resume(run.path, device="cpu")
    assert [step.index for step in on][-1] == 100
    assert (run.path / "probes.jsonl").read_bytes() == (noted.path / "probes.jsonl").read_bytes()


@pytest.mark.slow
def test_it_warns_where_that_is_asked_for(tmp_path: Path) -> None:
    recipe = fading(steps=60)
    with pytest.warns(RunWarning, match="vanishing gradient \\(step 60\\)") as said:
        train(recipe, out=tmp_path / "run", device="cpu", on_finding="warn")
    assert len(said) == 1


def test_what_is_advised_is_tried_in_a_new_run(tmp_path: Path) -> None:
    """The first remedy, from the last checkpoint; and the failure is gone."""
    run = train(fading(), out=tmp_path / "run", device="cpu", on_finding="apply")
    assert run.path.name == "run-2"
    failed = load(tmp_path / "run")
    assert isinstance(failed.recipe.game.objective, Minimax)
    assert isinstance(run.recipe.game.objective, NonSaturating)
    assert replace(run.recipe, game=failed.recipe.game) == failed.recipe
    assert f"goes on in {run.path} with game.objective=NonSaturating()" in log(failed)
    assert "goes on from step 60 of" in log(run)
    assert "tries what was advised to" in log(run)
    assert [probe.step for probe in run.probes()] == [80, 100]


def test_nothing_is_done_where_nothing_is_the_matter(tmp_path: Path) -> None:
    training = played(healthy(tmp_path), tmp_path / "run", on_finding="apply")
    assert (training.watch.ended, training.watch.heeded) == (None, False)
    assert Attempts().following(training) is None
    assert training.state.step == 55


def test_an_unknown_way_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'panic'; valid are stop, warn, apply"):
        train(fading(), out=tmp_path / "run", on_finding="panic")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


# Which remedy is next, on a run that was not played: a finding is given to it.


def given(recipe: Recipe, out: Path, *remedies: Remedy, state: str = "failure") -> Training:
    training = Training.start(recipe, out=out, device="cpu")
    training.save()
    return failing(training, *remedies, state=state)


def failing(training: Training, *remedies: Remedy, state: str = "failure") -> Training:
    training.watch.on_finding = "apply"
    watch = training.watch
    watch.ended, watch.heeded = "on purpose", True
    watch.finding = Finding(
        symptom="it",
        state=state,  # type: ignore[arg-type]
        step=0,
        sentence="",
        remedies=remedies,
    )
    training.close()
    return training


def change(what: str, **given: object) -> Remedy:
    values = {"changes": (what,) if what else (), "why": "it helps.", "source": "a test", **given}
    return Remedy(**values)  # type: ignore[arg-type]


def test_no_change_is_tried_twice_and_no_more_than_three(tmp_path: Path) -> None:
    several = [change(f"batch={m}") for m in (8, 9, 11, 12)]
    attempts, tried = Attempts(), list[int]()
    training: Training | None = given(healthy(tmp_path), tmp_path / "run", *several)
    while (training := attempts.following(training)) is not None:  # type: ignore[arg-type]
        tried.append(training.recipe.batch)
        training.close()
        # It fails as well, and the same is advised.
        training = given(training.recipe, tmp_path / f"again{len(tried)}", *several)
    assert tried == [8, 9, 11]
    assert len(tried) == MOST


def test_what_was_tried_is_known_to_a_run_that_is_taken_up_again(tmp_path: Path) -> None:
    """In another process, with attempts of its own; also of what was begun anew, without parent."""
    several = [
        change("batch=8"),
        change("batch=9", fresh=True),
        change("batch=11"),
        change("seed=5"),
    ]
    run, tried = given(healthy(tmp_path), tmp_path / "run", *several), list[int]()
    while (begun := Attempts().following(run)) is not None:
        tried.append(begun.recipe.batch)
        begun.save()
        begun.close()
        run = failing(Training.resume(begun.run.path, device="cpu"), *several)
    assert tried == [8, 9, 11]


def test_what_cannot_be_parsed_counts_for_nothing(tmp_path: Path) -> None:
    none = [change(f"nets.generator={name}(3)") for name in ("A", "B", "C")]
    following = Attempts().following(
        given(healthy(tmp_path), tmp_path / "run", *none, change("batch=8"))
    )
    assert following is not None
    assert following.recipe.batch == 8
    following.close()


@pytest.mark.parametrize("state", ["failure", "converged", "plateau"])
def test_it_warns_of_all_that_is_of_no_use_and_once(state: str) -> None:
    found = Finding(symptom="it", state=state, step=3, sentence="is so")  # type: ignore[arg-type]
    with pytest.warns(RunWarning, match=r"it \(step 3\): is so") as said:
        told = _warned(found, _warned(found, "unknown"))
    assert (len(said), told) == (1, "it")
    for other in ("healthy", "watch", "unknown"):  # an error, if it warned
        _warned(replace(found, state=other), told)  # type: ignore[arg-type]


def test_what_cannot_be_tried_is_passed_over(tmp_path: Path) -> None:
    """Nothing to change; nets that do not fit the checkpoint; a budget that is used up."""
    wide = change("nets.generator.hidden=(5,)")
    training = given(healthy(tmp_path), tmp_path / "run", change(""), wide, change("batch=8"))
    following = Attempts().following(training)
    assert following is not None
    assert following.recipe.batch == 8
    assert "nets.generator.hidden=(5,) cannot be tried" in log(training.run)
    following.close()
    nothing_left = given(healthy(tmp_path, steps=0), tmp_path / "over", change("batch=8"))
    assert Attempts().following(nothing_left) is None
    more = change("batch=8", steps=20)
    longer = Attempts().following(given(healthy(tmp_path, steps=0), tmp_path / "more", more))
    assert longer is not None
    assert longer.recipe.steps == 20
    longer.close()


def test_what_cannot_be_undone_is_begun_anew(tmp_path: Path) -> None:
    wide = change("nets.generator.hidden=(5,)", fresh=True)
    following = Attempts().following(given(healthy(tmp_path), tmp_path / "00007-run", wide))
    assert following is not None
    assert following.run.path.name == "00008-run"
    assert "goes on from" not in log(following.run)
    following.close()


@pytest.mark.parametrize("state", ["converged", "plateau"])
def test_the_end_of_a_good_run_is_the_end(tmp_path: Path, state: str) -> None:
    training = given(healthy(tmp_path), tmp_path / "run", change("batch=8"), state=state)
    assert Attempts().following(training) is None


# Numbers that are none.


@dataclass(frozen=True)
class Growing:
    """A loss that is infinite from the start."""

    generator_sees_real: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return real.mean() * float("inf")

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return fake.mean()


def test_numbers_that_are_none_are_found_too(tmp_path: Path) -> None:
    recipe = healthy(tmp_path, game=Game(Growing()))
    training = Training.start(recipe, out=tmp_path / "run", device="cpu")
    with pytest.raises(NonFiniteError):
        list(training)
    assert training.run.probes()[-1].failed is not None
    training.close()
    applied = Training.start(recipe, out=tmp_path / "applied", device="cpu")
    applied.watch.on_finding = "apply"
    assert list(applied) == []
    assert applied.watch.heeded
    assert applied.watch.ended is not None
    assert "not finite" in applied.watch.ended
    assert applied.run.probes()[-1].failed is not None


def test_what_is_news(noted: Run) -> None:
    found = noted.diagnose()
    better = replace(found, symptom="healthy", state="healthy")
    assert verdict(found) == "vanishing gradient"
    assert verdict(better) == verdict(replace(better, symptom="healthy, improving"))
    assert verdict(None) == verdict(replace(found, state="unknown"))
    watched = replace(found, symptom="watch", state="watch")
    assert verdict(replace(watched, symptom="averaging hides oscillation")) != verdict(watched)


def test_what_is_taken_back_takes_its_finding_along(tmp_path: Path) -> None:
    training = Training.start(healthy(tmp_path, steps=41), out=tmp_path / "run", device="cpu")
    found = {step.index: training.finding for step in training}
    watch = training.watch
    assert found[19] is None
    assert (watch.finding or found[20]).step == 40  # type: ignore[union-attr]
    for step in (20, 19):
        training.state.step = step
        watch.rewind()
        assert watch.finding == found[step]
