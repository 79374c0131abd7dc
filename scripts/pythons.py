"""Install as the README says, on each Python there is, and run quick tests.

Each of ``PYTHONS`` that is on the PATH is taken; the variable ``PYTHONS`` names others,
as paths with spaces between. No backend is chosen and TensorFlow is not there, as for
most users. Packages come from the index that pip is set up for.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("python3.11", "python3.12", "python3.13")
# What depends on the Python and on the installed packages most, and compiles little.
QUICK = (
    "tests/data",
    "tests/metrics",
    "tests/plot",
    "tests/tasks",
    "tests/text",
    "tests/test_distribution.py",
    "tests/test_errors.py",
    "tests/test_golden_bundles.py",
    "tests/test_imports.py",
    "tests/test_types.py",
)


def main() -> int:
    """Try each Python in an environment of its own; fail if one failed."""
    failed = []
    for python in os.environ.get("PYTHONS", "").split() or PYTHONS:
        if not works(python):
            print(f"== {python}: not here, left out", flush=True)
            continue
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            status = run_tests(python, Path(folder) / "environment")
        print(f"== {python}: {time.monotonic() - begin:.0f} s", flush=True)
        if status:
            failed.append(python)
    if failed:
        print(f"failed on: {', '.join(failed)}")
    return 1 if failed else 0


def works(python: str) -> bool:
    """Whether there is such a Python, and no placeholder that only says it is not."""
    if shutil.which(python) is None:
        return False
    tried = subprocess.run([python, "-c", "pass"], capture_output=True, check=False)
    return tried.returncode == 0


def run_tests(python: str, environment: Path) -> int:
    """The exit status of installing and testing."""
    own = environment / "bin" / "python"
    pip = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pinned = [*pip, "-c", ROOT / "constraints.txt"]
    variables = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    variables["KERAS_HOME"] = str(environment / "keras")
    for command in (
        [python, "-m", "venv", environment],
        [*pip, "pip>=25.1"],
        [*pinned, f"{ROOT}[all]", "--group", f"{ROOT}/pyproject.toml:test"],
        [own, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *QUICK],
    ):
        process = subprocess.run(command, cwd=ROOT, env=variables, check=False)
        if process.returncode:
            return process.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
