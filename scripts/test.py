"""Run the tests: everything on JAX, the backend part on TensorFlow and PyTorch."""

import os
import subprocess
import sys
import time

EVERYDAY = "not slow"
RUNS = (
    ("jax", EVERYDAY),
    ("tensorflow", f"backends and {EVERYDAY}"),
    ("torch", f"backends and {EVERYDAY}"),
)


def main() -> int:
    """Run each backend in its own process; report all, fail if one failed."""
    failed = []
    for backend, marks in RUNS:
        begin = time.monotonic()
        print(f"== Keras on {backend}: pytest -m '{marks}'", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "-m", marks, *workers()]
        environment = os.environ | {
            "KERAS_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            # The workers share the cores; a pool of threads in each would fight.
            "OMP_NUM_THREADS": "1",
            "TF_NUM_INTRAOP_THREADS": "1",
        }
        status = subprocess.run([*command, *sys.argv[1:]], env=environment, check=False)
        print(f"== {backend}: {time.monotonic() - begin:.0f} s", flush=True)
        if status.returncode:
            failed.append(backend)
    if failed:
        print(f"failed on: {', '.join(failed)}")
    return 1 if failed else 0


def workers() -> list[str]:
    """Give each core a worker."""
    return ["-n", str(min(os.cpu_count() or 1, 8))]


if __name__ == "__main__":
    sys.exit(main())
