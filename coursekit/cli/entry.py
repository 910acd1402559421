"""Parse the command line and call the command."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import coursekit
from coursekit.errors import BadInputError, CoursekitError

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended
CLOSED = 141  # and for one whose reader went away


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 where a claim failed, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        status = int(options.run(options))
        sys.stdout.flush()  # here, where a reader that went away is no error
    except CoursekitError as error:
        print(f"coursekit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("coursekit: stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read, such as head, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    return status


def _parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="coursekit", description="Why Won't It Train? Open, list and prove the course."
    )
    parser.add_argument("--version", action="version", version=coursekit.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (purpose, add_options) in COMMANDS.items():
        title = purpose[0].upper() + purpose[1:]
        add_options(commands.add_parser(name, help=purpose, description=title))
    return parser


def _add_lab(parser: argparse.ArgumentParser) -> None:
    """Options of ``coursekit lab``."""

    def run(options: argparse.Namespace) -> int:
        from coursekit.cli.lab import lab

        return lab(options.work, options.lab_args, opens=not options.no_open)

    parser.add_argument("--work", type=Path, default=Path("work"), help="your own copy goes here")
    parser.add_argument("--no-open", action="store_true", help="make or update the copy, no more")
    parser.add_argument("lab_args", nargs="*", metavar="-- LAB_ARGS", help="passed to jupyter lab")
    parser.set_defaults(run=run)


def _add_cases(parser: argparse.ArgumentParser) -> None:
    """Options of ``coursekit cases``."""

    def run(options: argparse.Namespace) -> int:
        from coursekit.cli.cases import cases

        return cases(
            options.name, as_json=options.json, script=options.script, framework=options.framework
        )

    parser.add_argument("name", nargs="?", help="one case, with its diff, claim and evidence")
    parser.add_argument(
        "--script", choices=["broken", "fixed"], help="its program alone, to write into a file"
    )
    parser.add_argument(
        "--framework", choices=["torch", "keras"], default="torch", help="of diff and script"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    """Options of ``coursekit verify``."""

    def run(options: argparse.Namespace) -> int:
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        if options.signs:
            from coursekit.cli.signs import signs

            if options.save or options.dask or options.framework == "keras":
                raise BadInputError(
                    "--signs makes runs of its own, in PyTorch and here, and keeps none. Leave "
                    "--save, --dask and --framework out."
                )
            return signs(options.case, seeds, threads=options.threads, as_json=options.json)
        from coursekit.cli.verify import Order, verify

        return verify(
            Order(
                case=options.case, seeds=options.seeds, first_seed=options.first_seed,
                framework=options.framework, threads=options.threads, jobs=options.jobs,
                dask=options.dask, pair_only=options.pair_only, save=options.save,
            ),
            as_json=options.json,
        )  # fmt: skip

    parser.add_argument("--case", help="one case; all of them where it is left out")
    parser.add_argument("--seeds", type=_positive, default=3, help="how many seeds (3)")
    parser.add_argument("--first-seed", type=int, default=1000, help="the first of them (1000)")
    parser.add_argument("--framework", choices=["torch", "keras", "both"], default="both")
    parser.add_argument("--threads", type=_positive, default=1, help="threads to compute with (1)")
    parser.add_argument("--jobs", type=_positive, default=1, help="processes at once (1)")
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="run on the workers of this Dask scheduler instead"
    )
    parser.add_argument(
        "--pair-only", action="store_true", help="broken and fixed alone, without the wrong fixes"
    )
    parser.add_argument("--save", type=Path, help="keep the runs in this folder, and resume there")
    parser.add_argument(
        "--signs", action="store_true",
        help="instead: the readings of a record that tell broken from fixed (PyTorch, not kept)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def _add_documents(parser: argparse.ArgumentParser) -> None:
    """Options of ``coursekit documents``."""

    def run(options: argparse.Namespace) -> int:
        from coursekit.cli.documents import documents

        seeds = range(options.first_seed, options.first_seed + options.seeds)
        return documents(options.name, seeds, measure=options.measure, as_json=options.json)

    parser.add_argument("name", nargs="?", help="one statement; all of them where it is left out")
    parser.add_argument("--measure", action="store_true", help="run it, and judge it anew")
    parser.add_argument("--seeds", type=_positive, default=3, help="how many seeds (3)")
    parser.add_argument("--first-seed", type=int, default=1000, help="the first of them (1000)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def _add_symptoms(parser: argparse.ArgumentParser) -> None:
    """Options of ``coursekit symptoms``."""

    def run(options: argparse.Namespace) -> int:
        from coursekit.cli.symptoms import symptoms

        return symptoms(options.card)

    parser.add_argument(
        "--card", type=Path, metavar="FILE", help="write a page to print: card.html"
    )
    parser.set_defaults(run=run)


def _add_quiz(parser: argparse.ArgumentParser) -> None:
    """Options of ``coursekit quiz``."""

    def run(options: argparse.Namespace) -> int:
        from coursekit.cli.quiz import quiz

        return quiz(
            options.seed, count=options.count, lessons=options.up_to, only=options.lessons,
            half=options.half, save=options.save,
        )  # fmt: skip

    parser.add_argument(
        "--seed", type=int, help="the same runs for a class; another number, others"
    )
    parser.add_argument("--count", type=_positive, default=10, help="how many runs (10)")
    parser.add_argument("--up-to", metavar="NN", help="only what lessons up to this one teach: 02")
    parser.add_argument(
        "--lessons", metavar="NN,NN", help="only what these lessons teach: 01,04 (not with --up-to)"
    )
    parser.add_argument(
        "--half", metavar="A|B", type=str.upper,
        help="one half of the runs: A before a course, B after it, and no run comes twice",
    )  # fmt: skip
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write each picture there")
    parser.set_defaults(run=run)


def _add_grading(parser: argparse.ArgumentParser) -> None:
    """Options of ``coursekit grading``."""

    def run(options: argparse.Namespace) -> int:
        from coursekit.cli.grading import check, grading

        if options.check:
            return check(options.folder)
        return grading(options.folder, options.solutions)

    parser.add_argument("folder", type=Path, help="where the course is to lie")
    parser.add_argument("--solutions", type=Path, help="the folder with the solved exercises")
    parser.add_argument(
        "--check", action="store_true", help="instead: what was handed in and would not be marked"
    )
    parser.set_defaults(run=run)


def _add_preflight(parser: argparse.ArgumentParser) -> None:
    """Options of ``coursekit preflight``."""

    def run(options: argparse.Namespace) -> int:
        from coursekit.cli.preflight import preflight

        return preflight(as_json=options.json)

    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def _add_info(parser: argparse.ArgumentParser) -> None:
    """Options of ``coursekit info``."""

    def run(options: argparse.Namespace) -> int:
        from coursekit.cli.info import info

        return info(as_json=options.json)

    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    """A whole number of at least one."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value


AddOptions = Callable[[argparse.ArgumentParser], None]
COMMANDS: dict[str, tuple[str, AddOptions]] = {
    "lab": ("open the course in JupyterLab", _add_lab),
    "cases": ("list the documented failures, or show one", _add_cases),
    "verify": ("run cases over seeds and judge their claims", _add_verify),
    "documents": ("what the documents say, and whether it is true", _add_documents),
    "symptoms": ("from what you see to the lesson", _add_symptoms),
    "quiz": ("name what is the matter with runs you do not know", _add_quiz),
    "grading": ("make a course folder for nbgrader, or look at what is handed in", _add_grading),
    "preflight": ("is this machine ready for the course?", _add_preflight),
    "info": ("what this machine offers, and what was picked", _add_info),
}
