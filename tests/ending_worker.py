"""A worker of a batch job that ends once; by its name other processes find it."""

import os
import signal

from regard.scale.ray_workers import _Worker
from regard.scale.worker import JOB_FOLDER


class EndingWorker(_Worker):
    """Kills its process where a worker first comes to the fourth shard of a file."""

    def work(self, unit):
        marker = self._task.output.folder / JOB_FOLDER / "ended"
        if unit.number == 3 and not marker.exists():
            marker.touch()
            (self._task.output.folder / ".in-00003.0123abcd.parquet").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().work(unit)
