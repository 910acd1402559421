"""Where the files lie that come with the package: notebooks, exercises, evidence."""

from pathlib import Path

from coursekit.errors import BadInputError


def course_files() -> Path:
    """The folder that holds ``notebooks/``, ``exercises/`` and ``evidence/``.

    In a wheel it lies inside the package; in an editable install it is the checkout.

    Raises:
        BadInputError: The package was copied without the course.

    >>> (course_files() / "notebooks").is_dir()
    True
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "_course", package.parent):
        if (folder / "notebooks").is_dir() and (folder / "exercises").is_dir():
            return folder
    raise BadInputError(
        f"The course's notebooks are neither in {package} nor beside it. Install coursekit again, "
        "from a wheel or from a clone of the repository."
    )
