"""Many briefs: a plan, workers that make them, a journal of what became of each."""

from qpv.batch.crew import MEGABYTES, SECONDS, NurseryError
from qpv.batch.journal import published
from qpv.batch.making import KERNEL, WARM, make
from qpv.batch.run import ENGINES, run
from qpv.batch.task import Record, Task, parameters_of, plan

__all__ = [
    "ENGINES", "KERNEL", "MEGABYTES", "SECONDS", "WARM", "NurseryError", "Record", "Task", "make", "parameters_of", "plan",
    "published", "run",
]  # fmt: skip
