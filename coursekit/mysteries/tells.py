"""What gives each case away: one reading, its limit, and the sentence that says why.

A reading looks at nothing but what is shown. It lies on one side of its limit in every broken run
of the case, and on the other in every healthy run with the same network and data: a test holds
that over the stored runs, and another over seeds that are not among them.
"""

from collections.abc import Mapping

from coursekit.mysteries.tell import Tell
from coursekit.mysteries.tells_of_rows import OF_ROWS
from coursekit.mysteries.tells_of_training import OF_TRAINING

# The place of a case here gives the seeds of its runs: see tools/build_mysteries.py.
TELLS: Mapping[str, Tell] = {tell.case: tell for tell in (*OF_ROWS, *OF_TRAINING)}
