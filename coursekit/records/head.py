"""What a record says about itself in every form, and how that is checked on the way in."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict, get_args

from coursekit.errors import BadInputError
from coursekit.records.series import Framework, Series

if TYPE_CHECKING:
    from coursekit.records.record import Record

SCHEMA = "coursekit-record"
# A new quantity needs no new version: quantities are names, and any name is read.
VERSION = 1

# What a damaged body makes Python raise while it is taken apart.
DAMAGE = (KeyError, TypeError, AttributeError, ValueError, OverflowError, IndexError)


class Parts(TypedDict):
    """The arguments of `Record`, as read from a file."""

    series: dict[str, Series]
    layers: tuple[str, ...]
    framework: Framework
    notes: tuple[str, ...]


def head_of(record: "Record", series: object) -> str:
    """The JSON text of a record, around the series in the shape that the form gives them."""
    body = {
        "schema": SCHEMA,
        "version": VERSION,
        "framework": record.framework,
        "layers": list(record.layers),
        "notes": list(record.notes),
        "series": series,
    }
    return json.dumps(body, allow_nan=False)


def read_head(text: str) -> dict[str, Any]:
    """The JSON body of a record, once it is known to be one that this version reads.

    Raises:
        BadInputError: The text is cut off, is not a record, or is of a newer version.
    """
    return checked(_loads(text), schema=SCHEMA, version=VERSION, what="record", by="record.save")


def checked(body: object, *, schema: str, version: int, what: str, by: str) -> dict[str, Any]:
    """The body, if it is of this schema, and of a version that this coursekit reads.

    Args:
        body: What the JSON of a file says.
        schema: Its name.
        version: The newest version that is read.
        what: What it holds, for the errors.
        by: What writes it.

    Raises:
        BadInputError: It is something else, or of a newer version.
    """
    if not isinstance(body, dict) or body.get("schema") != schema:
        raise BadInputError(f"This is JSON, but not a coursekit {what}. Use {by}(path).")
    found = body.get("version")
    if type(found) is not int or not 1 <= found <= version:  # a bool is an int too
        raise BadInputError(
            f"The {what} has version {found!r}; this coursekit reads up to {version}. "
            "Upgrade coursekit."
        )
    return body


def parts_of(body: Mapping[str, Any], series: dict[str, Series]) -> Parts:
    """The arguments of `Record`; raises one of `DAMAGE` where the body holds no such thing."""
    framework = body["framework"]
    if framework not in get_args(Framework):
        raise ValueError(f"no framework {framework!r}")
    return Parts(
        series=series,
        layers=strings(body["layers"]),
        framework=framework,
        notes=strings(body["notes"]),
    )


def strings(value: object) -> tuple[str, ...]:
    """A list of strings as a tuple; a single string is none, though Python would take it."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"a list of names was expected, not {str(value)[:40]!r}")
    return tuple(value)


def damaged(error: Exception) -> BadInputError:
    """What to raise for a body that is a record's, but not a whole one."""
    return BadInputError(
        f"This record is damaged: {error}. Record the run again, or take a fresh copy."
    )


def _loads(text: str) -> object:
    """JSON, whatever is wrong with it being one sentence."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInputError(
            f"The text ends or breaks at character {error.pos} of {len(text)}: it is cut off or is "
            "not JSON. Save the record again with record.save(path)."
        ) from error
    except (ValueError, RecursionError) as error:  # a number of 5000 digits, 5000 brackets
        raise BadInputError(
            f"The text is JSON that no record contains ({error}). Use record.save(path)."
        ) from error
