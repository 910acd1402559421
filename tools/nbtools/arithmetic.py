"""The instructions of the processor that outputs are made and compared with: AVX2.

Where there is AVX-512, PyTorch and MKL use it: sums are then added in another order, and a run that
is chaotic ends with other digits. AVX2 is what nearly every x86-64 processor has; others do not
look at these variables. They do not make all alike: with the same ones, MKL adds in another order
on AMD's processors than on Intel's. So no printed line may hang on it: see `nbtools.verdicts`.
"""

from collections.abc import Mapping

Arithmetic = Mapping[str, str]

SAME_DIGITS: Arithmetic = {
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "MKL_CBWR": "AVX2",  # the matrix products behind it
}
OTHERS: dict[str, Arithmetic] = {
    "its own": {},  # what a learner's kernel gets
    "the plainest": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"},
    "another maker's": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "COMPATIBLE"},
    "an older one's": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "AVX"},
}
