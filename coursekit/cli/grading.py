"""``coursekit grading``: make a course folder for nbgrader, and look at what was handed in."""

from pathlib import Path

from coursekit._optional import require
from coursekit.grading.collected import misfits
from coursekit.grading.course import set_up
from coursekit.shipped import course_files


def grading(folder: Path, solutions: Path | None) -> int:
    """Make the folder, and say what to do next."""
    require("nbgrader", extra="grading", purpose="Marks")
    names = set_up(folder, solutions=solutions or course_files() / "solutions")
    print(f"{folder} is ready for nbgrader, with {len(names)} assignments: {', '.join(names)}.")
    print("In that folder, for each assignment:")
    print(f"  nbgrader generate_assignment {names[0]}   # what learners get: release/")
    print(f"  nbgrader zip_collect {names[0]}           # sorts downloads into submitted/")
    print("  coursekit grading --check .                         # which names fit nothing?")
    print(f"  nbgrader autograde {names[0]}             # marks submitted/NAME/{names[0]}/")
    print(f"  nbgrader generate_feedback {names[0]}     # a page for each learner: feedback/")
    print("  nbgrader export                                     # all marks: grades.csv")
    print("Generate all that you will mark; then move source/ away: marking does not need it.")
    return 0


def check(folder: Path) -> int:
    """Say what nbgrader would pass over; 1 where there is anything."""
    found = misfits(folder)
    print("\n".join(found) if found else "Every notebook fits an assignment.")
    return 1 if found else 0
