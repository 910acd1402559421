"""What the four documents say, each statement measured and judged."""

from coursekit.documents import high_loss, normalization, not_training, unpredictable
from coursekit.documents.statement import Statement, Verdict
from coursekit.errors import unknown

STATEMENTS: tuple[Statement, ...] = (
    *normalization.STATEMENTS,
    *unpredictable.STATEMENTS,
    *not_training.STATEMENTS,
    *high_loss.STATEMENTS,
)

__all__ = ["STATEMENTS", "Statement", "Verdict", "get_statement"]


def get_statement(name: str) -> Statement:
    """The statement of that name.

    Raises:
        UnknownNameError: There is none.

    >>> get_statement("step-lr-improves").verdict
    'false'
    """
    for statement in STATEMENTS:
        if statement.name == name:
            return statement
    raise unknown("statement", name, [statement.name for statement in STATEMENTS])
