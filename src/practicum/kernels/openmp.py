"""OpenMP's threads: whose they are, and how they are given back.

Every thread that computes in parallel has a team of its own, which stays when the work is done. As
soon as all teams together have more threads than the machine has processors, GNU's runtime lets
none of them look for work for more than a microsecond before it sleeps, and waking one takes longer
than many a product of matrices (libgomp, `gomp_throttled_spin_count_var`). So who hands over to
another thread for good gives its own team back.
"""

import ctypes
import os

SOFT = 1  # omp_pause_soft: what was set stays set


def release_team() -> bool:
    """End the calling thread's team; the next parallel work makes a new one. Whether it was ended.

    False, and nothing done, where torch does not compute with GNU's runtime (5.0 or later).
    """
    try:  # the runtime that is loaded already, and no other
        runtime = ctypes.CDLL("libgomp.so.1", mode=os.RTLD_NOLOAD)
        return runtime.omp_pause_resource_all(SOFT) == 0
    except (OSError, AttributeError):
        return False
