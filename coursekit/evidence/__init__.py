"""Evidence: a case run over many seeds, and whether its claim held on every one of them."""

from coursekit.evidence.judgement import Judgement, judge, share_of_gap
from coursekit.evidence.many import Task, plan, run_all
from coursekit.evidence.progress import Progress
from coursekit.evidence.rows import Framework, Row, load, read, stored_scores, write
from coursekit.evidence.runs import claim_in, frameworks, recipes, verify
from coursekit.evidence.source import source_hash, versions
from coursekit.evidence.standing import Standing, standing, stored_shares
from coursekit.evidence.store import Store

__all__ = [
    "Framework", "Judgement", "Progress", "Row", "Standing", "Store", "Task", "claim_in",
    "frameworks", "judge", "load", "plan", "read", "recipes", "run_all", "share_of_gap",
    "source_hash", "standing", "stored_scores", "stored_shares", "verify", "versions", "write",
]  # fmt: skip
