"""Memory that was freed is kept, where the C library can be told to."""

import os
import platform
import subprocess
import sys

import pytest

# Prints what the call said, and the pages that a second array of 256 MB had to fetch.
PROGRAM = """
import resource
import numpy as np
from regard_cli.environment import keep_freed_memory

said = keep_freed_memory()
for turn in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**25)
    fetched = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(said, fetched)
"""


def run(**variables):
    chosen = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(chosen)}
    command = (sys.executable, "-c", PROGRAM)
    process = subprocess.run(
        command, env=kept | variables, capture_output=True, text=True, check=True
    )
    said, fetched = process.stdout.split()
    return said == "True", int(fetched)


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory"
)
def test_a_second_array_costs_no_pages():
    said, fetched = run()
    assert said
    # 65,536 pages, or 128 huge ones.
    assert fetched < 64


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_what_the_user_chose_stays(name):
    said, _ = run(**{name: ""})
    assert not said
