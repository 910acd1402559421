"""Pages of the failures: each case with its two scripts, its runs over seeds, its wrong fixes."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from coursekit.cases import CASES
from coursekit.cases.case import Case, Recipe
from coursekit.cases.claim import Raises
from coursekit.cases.script import diff, flat_script
from coursekit.evidence import Row, Standing, frameworks, load, standing
from coursekit.evidence.words import claim_in_words, evidence_in_words
from coursekit.symptoms import places
from pages.picture import drawn, in_words
from pages.words import anchor, escaped, link

FAMILIES = {
    "data": "Data",
    "optimization": "Optimization",
    "architecture": "Architecture",
    "normalization": "Normalization and precision",
}
FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras"}
VERDICTS = {
    "same": "the same",
    "prevented": "it does not happen",
    "not-applicable": "nothing to compare",
}


def write_failures(folder: Path) -> None:
    """Write the catalogue into a new folder: a page a case, and one that lists them."""
    folder.mkdir()
    (folder / "index.md").write_text(_list_of(CASES), encoding="utf-8")
    for case in CASES:
        (folder / f"{case.name}.md").write_text(_page(case, folder), encoding="utf-8")


def _list_of(cases: tuple[Case, ...]) -> str:
    """The page that lists them by family."""
    text = [
        "# Failures",
        f"{len(cases)} documented failures. Each page has the script that fails and the one that "
        "does not, the lines in which they differ, what came out on seeds that nobody tuned on, "
        "and what the usual wrong fixes close of the gap.",
    ]
    for family, name in FAMILIES.items():
        members = [case for case in cases if case.family == family]
        rows = [
            f"| {link(case.name, f'{case.name}.md')} | {escaped(case.question)} "
            f"| {link(case.lesson[:2], f'../lessons/{case.lesson}.ipynb')} |"
            for case in members
        ]
        pages = "\n".join(case.name for case in members)
        text += [
            f"## {name}",
            "\n".join(["| failure | what one asks | lesson |", "|---|---|---|", *rows]),
            f"```{{toctree}}\n:hidden:\n\n{pages}\n```",
        ]
    return "\n\n".join(text) + "\n"


def _page(case: Case, folder: Path) -> str:
    """One case."""
    return "\n\n".join(
        [*_opening(case), *_scripts(case), *_measured(case, folder), *_sources(case)]
    )


def _opening(case: Case) -> Iterator[str]:
    """The question, and where else it stands."""
    yield f"# {case.name}"
    yield f"*{escaped(case.question)}*"
    yield f"Lesson [](../lessons/{case.lesson}.ipynb)"
    for symptom, lead in places(case.name):
        place = f"../symptoms.md#{anchor(symptom.words)}"
        yield f"Symptom: {link(symptom.words, place)}; {lead.shows}."


def _scripts(case: Case) -> Iterator[str]:
    """The lines that differ, and both programs behind a click."""
    yield "## From broken to fixed"
    yield f"```diff\n{diff(case.broken, case.fixed)}\n```"
    if case.long_diff:
        yield escaped(case.long_diff)
    yield from _script("that fails", case.broken)
    yield from _script("that does not", case.fixed)
    if case.keras.broken is not None:
        prevented = case.keras.verdict == "prevented"
        words = "in Keras, where it does not happen" if prevented else "that fails, in Keras"
        yield from _script(words, case.keras.broken)


def _script(words: str, recipe: Recipe) -> Iterator[str]:
    """A program behind a click."""
    yield f"<details><summary>The script {words}</summary>"
    yield f"```python\n{flat_script(recipe).rstrip()}\n```"
    yield "</details>"


def _measured(case: Case, folder: Path) -> Iterator[str]:
    """The claim, the runs as a picture, the evidence, the wrong fixes."""
    rows = load(case.name)
    yield "## Measured"
    picture = drawn(case)
    if picture is not None:
        (folder / f"{case.name}.svg").write_text(picture, encoding="utf-8")
        yield (
            f"```{{figure}} {case.name}.svg\n:alt: {in_words(case)}\n\n"
            "A mark is a run on one seed, in PyTorch on one thread.\n```"
        )
    if isinstance(case.claim, Raises):
        yield f"Every broken run ends so:\n\n```text\n{_error(rows)}\n```"
    yield f"**Claim.** {escaped(claim_in_words(case.claim))}"
    if case.finding:
        yield f"**Finding.** {escaped(case.finding)}"
    yield "\n".join(
        f"- **{FRAMEWORKS[framework]}** {evidence_in_words(case, rows, framework)}."
        for framework in frameworks(case)
    )
    yield f"**In Keras**: {VERDICTS[case.keras.verdict]}. {escaped(case.keras.note)}"
    found = standing(case, rows, framework="torch", threads=1)
    if found is not None and found.repaired is not None:
        yield f"The fix closes {found.repaired:.0%} of the gap to healthy. {case.mitigation}"
    yield from _wrong_fixes(case, found)


def _error(rows: Iterable[Row]) -> str:
    """What PyTorch says."""
    errors = (row.error for row in rows if (row.framework, row.recipe) == ("torch", "broken"))
    return next(errors)


def _wrong_fixes(case: Case, found: Standing | None) -> Iterator[str]:
    """A table of them."""
    if not case.rivals:
        return
    shares = {} if found is None else found.shares
    rows = [
        f"| {escaped(rival.name)} | {_share(shares.get(rival.name))} | {escaped(rival.why)} |"
        for rival in case.rivals
    ]
    yield "## Wrong fixes"
    yield "\n".join(["| tried | closes of the gap | why |", "|---|---|---|", *rows])


def _share(share: float | None) -> str:
    """A share in per cent; a dash where none was measured."""
    return "–" if share is None else f"{share:.0%}"


def _sources(case: Case) -> Iterator[str]:
    """Where it is described, and how to run it."""
    yield "## Where it is described"
    yield "\n".join(f"- {escaped(one.title)} ({escaped(one.section)})" for one in case.sources)
    yield "Run it on three seeds:"
    yield f"```sh\ncoursekit verify --case {case.name} --seeds 3\n```"
