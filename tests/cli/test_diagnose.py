"""`gannets diagnose`, `gannets train --from` and `--on-finding`."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gannets import change, load, read, train
from gannets.cli import main
from gannets.cli.findings import finding_lines
from tests.diagnosis.fading import fading

Done = tuple[int, str, str]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose gradient has vanished."""
    recipe = fading(steps=60, checkpoint_every=30)
    return train(recipe, out=tmp_path_factory.mktemp("diagnose") / "failed", device="cpu").path


def test_all_that_a_finding_holds(
    failed: Path, gannets: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = gannets("diagnose", failed)
    assert (code, err) == (0, "")
    lines, finding = out.splitlines(), load(failed).diagnose()
    assert lines[0] == f"{failed}: fading, step 60 of 60"
    assert lines[2] == "vanishing gradient"
    for evidence in finding.evidence:
        at = lines.index(f"  {evidence.statistic}")
        low, high = evidence.interval
        assert f"{evidence.value:.3g} ({low:.3g} to {high:.3g})" in lines[at + 1]
        assert f"{evidence.threshold:.3g}" in lines[at + 1]
        assert f"40 to 60   {evidence.held} (3)" in lines[at + 1]
    for passed in finding.ruled_out:
        assert any(line.startswith(f"  {passed.symptom} ") for line in lines)
    assert "\x1b" not in out
    # All but what is to be copied fits.
    assert max(len(line) for line in lines[1:] if "--" not in line) <= 80


def test_every_command_is_one_that_can_be_typed(failed: Path, gannets: Callable[..., Done]) -> None:
    """The first is typed: it plays, and what it changes is what was advised."""
    told = json.loads(gannets("diagnose", failed, "--json")[1])
    assert told["remedies"]
    for remedy in told["remedies"]:
        words = shlex.split(remedy["command"])
        assert words[:2] == ["gannets", "train"]
        code, out, err = gannets(*words[1:], "--dry-run")
        assert (code, err) == (0, "")
        recipe = load(failed).recipe
        for assignment in remedy["changes"]:
            recipe = change(recipe, assignment)
        assert replace(read(out), steps=60) == recipe  # type: ignore[type-var]
    first = shlex.split(told["remedies"][0]["command"])[1:]
    assert gannets(*first, "--steps", 65, "--out", "cured", "--quiet")[0] == 0
    assert load("cured").probes() == []
    assert "goes on from step 60" in Path("cured/log.txt").read_text()


def test_as_json(failed: Path, gannets: Callable[..., Done]) -> None:
    code, out, _ = gannets("diagnose", failed, "--json")
    told = json.loads(out)
    assert (code, told["schema"], told["run"]) == (0, 1, str(failed))
    assert {"symptom": "vanishing gradient", "state": "failure", "step": 60}.items() <= told.items()
    finding = load(failed).diagnose().to_json()
    assert told["evidence"] == json.loads(json.dumps(finding["evidence"]))


def test_several_in_a_line_each(failed: Path, gannets: Callable[..., Done]) -> None:
    code, out, err = gannets("diagnose", failed, failed)
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["run", "step", "verdict", "what", "to", "change"]
    assert len(rows) == 2
    assert rows[0].startswith(f"{failed}    60  vanishing gradient  game.objective=NonSaturating()")
    runs = json.loads(gannets("diagnose", failed, failed, "--json")[1])["runs"]
    assert [each["symptom"] for each in runs] == ["vanishing gradient"] * 2


def test_of_several_those_that_are_none_are_told_why(
    failed: Path, gannets: Callable[..., Done], tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(failed, damaged)
    lines = (damaged / "probes.jsonl").read_text().splitlines()
    (damaged / "probes.jsonl").write_text("\n".join([lines[0], '{"step": 30, "n": "x"}', ""]))
    code, out, err = gannets("diagnose", failed, "nothing", damaged, failed)
    assert (code, err) == (2, "")
    _, first, nothing, broken, last = out.splitlines()
    assert first == last
    assert "60  vanishing gradient" in first
    assert "cannot be looked at" in nothing
    assert "nothing is no run directory: it has no recipe.txt." in nothing
    assert "probes.jsonl, line 2, is damaged: " in broken
    code, out, _ = gannets("diagnose", failed, "nothing", "--json")
    good, bad = json.loads(out)["runs"]
    assert (code, good["symptom"], bad["run"]) == (2, "vanishing gradient", "nothing")
    assert "is no run directory" in bad["error"]


def test_that_nothing_can_be_told_is_an_answer(gannets: Callable[..., Done]) -> None:
    assert gannets("train", "ring", "--steps", 2, "--quiet", "--eval-every", 0)[0] == 0
    code, out, err = gannets("diagnose", "runs/00000-ring")
    assert (code, err) == (0, "")
    assert "cannot tell\n  because it takes 3 probes" in out


def test_the_words_that_name_a_file_of_ones_own_are_in_the_command(failed: Path) -> None:
    run = load(failed)
    lines = finding_lines(run, run.diagnose(), ["--recipe", "my own.py"])
    assert sum("--recipe 'my own.py'" in line for line in lines) == len(run.diagnose().remedies)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ([], ["gannets diagnose runs/"]),
        (["nothing"], ["nothing is no run directory"]),
        (["RUN", "--picture", "x.jpg"], ["x.jpg is no .png file"]),
        (["RUN", "--picture", "no/x.png"], ["There is no folder no"]),
        (["RUN", "RUN", "--picture", "x.png"], ["--picture is of one run, and 2"]),
        (["RUN", "--against", "digts"], ["digts"]),
        (["RUN", "--device", "cpuu"], ["'cpuu'"]),
        (["RUN", "--recipe", "ring"], ["ring"]),
    ],
)
def test_refusals(
    words: list[str], parts: list[str], failed: Path, gannets: Callable[..., Done]
) -> None:
    code, out, err = gannets("diagnose", *(failed if w == "RUN" else w for w in words))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert all(part in err for part in parts)


def test_a_picture(failed: Path, gannets: Callable[..., Done]) -> None:
    code, out, _ = gannets("diagnose", failed, "--picture", "out.png")
    assert code == 0
    assert out.endswith("picture  out.png\n")
    assert Path("out.png").read_bytes().startswith(b"\x89PNG")
    assert gannets("diagnose", failed, "--picture", "out.png")[0] == 2  # it is there already


# train


def test_begun_anew_with_the_recipe_of_a_run(failed: Path, gannets: Callable[..., Done]) -> None:
    words = ["train", "--from", failed, "--set", "batch=8", "--seed", 3]
    recipe = read(gannets(*words, "--dry-run")[1])
    assert recipe == replace(load(failed).recipe, batch=8, seed=3)
    assert gannets(*words, "--steps", 2, "--quiet") == (0, "runs/00000-fading\n", "")
    run = load("runs/00000-fading")
    assert [int(path.name) for path in run.checkpoints()] == [2]
    assert f"begins anew with the recipe of {failed}, batch=8" in (run.path / "log.txt").read_text()


@pytest.mark.slow
def test_begun_anew_unchanged_it_is_the_same_run(
    failed: Path, gannets: Callable[..., Done]
) -> None:
    assert gannets("train", "--from", failed, "--out", "same", "--quiet")[0] == 0
    for file in ("probes.jsonl", "metrics.jsonl", "model/model.safetensors"):
        assert (Path("same") / file).read_bytes() == (failed / file).read_bytes()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--resume", "RUN"], "leave one of them out"),
        (["digits"], "has its data in its recipe, and digits was given too"),
        (["--recipe", "ring"], "--recipe takes the .py file"),
        (["--steps", "many"], "whole number"),
    ],
)
def test_what_does_not_go_with_from(
    words: list[str], part: str, failed: Path, gannets: Callable[..., Done]
) -> None:
    given = [failed if word == "RUN" else word for word in words]
    code, out, err = gannets("train", "--from", failed, *given)
    assert (code, out) == (2, "")
    assert part in err
    assert not Path("runs").exists()


def test_a_line_where_the_verdict_changes(failed: Path, gannets: Callable[..., Done]) -> None:
    code, out, err = gannets("train", "--from", failed, "--out", "run")
    assert (code, err) == (0, "")
    assert sum("found      vanishing gradient: D tells" in line for line in out.splitlines()) == 1
    assert "verdict               vanishing gradient\n" in out
    assert "gannets diagnose run\n" in out


def test_stopping_where_it_is_found(failed: Path, gannets: Callable[..., Done]) -> None:
    words = ["train", "--from", failed, "--steps", 100, "--out", "run", "--on-finding", "stop"]
    code, out, err = gannets(*words)
    assert (code, err) == (1, "")
    assert "ended                 stopped at step 60: vanishing gradient" in out
    assert [int(path.name) for path in load("run").checkpoints()] == [30, 60]


@pytest.mark.slow  # of the command; tests/diagnosis/test_live.py has what it does
def test_applying_what_is_advised(failed: Path, gannets: Callable[..., Done]) -> None:
    words = ["train", "--from", failed, "--steps", 80, "--out", "run", "--on-finding", "apply"]
    code, out, err = gannets(*words)
    assert (code, err) == (0, "")
    assert "run ended; what it advises is tried: game.objective=NonSaturating()" in out
    assert "step 80 of 80" in out
    assert "Minimax" not in str(load("run-2").recipe)
    code, _, err = gannets("train", "ring", "--on-finding", "panic")
    assert code == 2
    assert "panic" in err


def test_help_tells_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    out = capsys.readouterr().out
    assert "--from RUN" in out
    assert "--on-finding" in out
