"""Evidence: a case run over many seeds, and whether its claim held on every one of them."""

from coursekit.evidence.judgement import Judgement, judge, share_of_gap
from coursekit.evidence.rows import Framework, Row, load, read, stored_scores, write
from coursekit.evidence.runs import recipes, verify
from coursekit.evidence.source import source_hash, versions

__all__ = [
    "Framework",
    "Judgement",
    "Row",
    "judge",
    "load",
    "read",
    "recipes",
    "share_of_gap",
    "source_hash",
    "stored_scores",
    "verify",
    "versions",
    "write",
]
