"""An API tester over the description of the service finds nothing."""

import subprocess
import sys

import pytest

pytest.importorskip("schemathesis", reason="needs schemathesis")


def check(address, folder, examples):
    """Let the tester ask by the description; all of its checks."""
    code = "from schemathesis.cli import schemathesis; schemathesis()"
    process = subprocess.run(
        [
            *(sys.executable, "-c", code, "run", f"{address}openapi.json"),
            *("--checks", "all", "--max-examples", str(examples)),
            *("--seed", "1", "--no-color", "--generation-database", "none"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1_800,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-9_000:] + process.stderr[-2_000:]


def test_replies_are_as_described(described_address, tmp_path):
    check(described_address, tmp_path, 10)


@pytest.mark.slow
def test_replies_are_as_described_in_the_long_run(described_address, tmp_path):
    check(described_address, tmp_path, 1_000)
