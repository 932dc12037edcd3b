"""The entry point: finds the verb, and turns whatever ends it into an exit code.

0 done, 1 the run stopped or a check failed, 2 bad input, 130, 138 and 143 stopped by a signal.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from gannets.cli.launch import is_follower
from gannets.errors import InputError, StoppedError, unknown

__all__ = ["VERBS", "main", "run"]

VERBS = {
    "train": "Train a generative adversarial net.",
    "sample": "Sample a trained generator.",
    "eval": "Measure how far samples are from data.",
    "diagnose": "Say what is wrong with a run, and what to change.",
    "reproduce": "Reproduce the theorems, figures and tables of the paper of 2014.",
    "show": "Show a recipe, a run or a file.",
    "recipes": "List the recipes.",
    "data": "List the data sets.",
    "fit-classifier": "Fit a classifier to labelled data.",
    "stats": "Keep statistics of data that samples are measured against.",
    "check": "Check objectives, terms, nets, metrics and recipes of your own.",
}
"""What each file of this folder that is a verb does, in the order in which they are needed."""

EXAMPLES = """\
  gannets train digits                        half a minute on a CPU, nothing to download
  gannets sample runs/00000-digits --n 100    a sheet of samples
  gannets show goodfellow2014                 a recipe, with all its settings"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (by default the process's) and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Threads that wait for each other in a loop cost a busy machine nine tenths of its speed on
    # small nets. OpenMP reads this when torch is loaded, which is later.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except InputError as error:
        return _say(str(error), 2)
    except StoppedError as error:
        return _say(str(error), 1)
    except KeyboardInterrupt:
        return _say("Stopped.", 130)
    except BrokenPipeError:  # the reader has left, as `head` does: no more output, no complaint
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception:
        traceback.print_exc()
        return _say(
            "This is a defect, of gannets unless the last lines above are in a file of your own: "
            "please report it with the command and all of the above.",
            1,
        )


def run() -> NoReturn:
    """The process's command line from its beginning to its end."""
    code = main()
    parallel = sys.modules.get("gannets.training.parallel")
    if parallel is not None and parallel.size_from_environment() > 1:
        parallel.leave(code)
    sys.exit(code)


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] in ("-V", "--version"):
        from gannets import __version__

        print(f"gannets {__version__}")
        return 0
    verb, *rest = words
    if verb.startswith("-"):
        raise unknown("option", verb, ("--help", "--version"))
    if verb not in VERBS:
        raise unknown("verb", verb, VERBS)
    from gannets.cli.arguments import parse

    name = verb.replace("-", "_")
    call = parse(getattr(importlib.import_module(f"gannets.cli.{name}"), name), verb, rest)
    return 0 if call is None else call()


def overview() -> str:
    """What `gannets` alone prints."""
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {line}" for verb, line in VERBS.items())
    return (
        "gannets: train generative adversarial nets.\n\n"
        f"usage: gannets VERB ...\n\n{verbs}\n\nexamples:\n{EXAMPLES}\n\n"
        "`gannets VERB --help` tells more of each. `gannets --version` prints the version."
    )


def _say(sentence: str, code: int) -> int:
    if is_follower():  # the first of several processes speaks for all
        return code
    print(f"gannets: {sentence}", file=sys.stderr)
    return code
