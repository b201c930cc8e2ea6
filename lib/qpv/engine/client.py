"""nbclient and papermill, with a forked process for a kernel."""

from __future__ import annotations

import copy
from typing import Any

import nbformat
from ipykernel.ipkernel import IPythonKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import run_hook, run_sync
from papermill.clientwrap import PapermillNotebookClient

from qpv.engine.child import Child, InPlace


class WarmClient(PapermillNotebookClient):
    """A notebook client whose kernel is a forked process, or this one.

    How messages become outputs, what stops a notebook, and how long a cell may take is nbclient's and
    papermill's own; only the way to the kernel is another.
    """

    kc: Any
    km: Any

    def __init__(self, nb_man: Any, in_place: bool = False, **settings: Any) -> None:
        super().__init__(nb_man, **settings)
        self._in_place = in_place

    def execute(self, **kwargs: Any) -> nbformat.NotebookNode:
        """Run the notebook."""
        self.reset_execution_trackers()
        hook = run_sync(run_hook)
        with InPlace() if self._in_place else Child() as link:
            self.kc = self.km = link
            try:
                if self.on_notebook_start is not None:
                    hook(self.on_notebook_start, notebook=self.nb)
                self.log.info(f"Executing notebook with kernel: {self.kernel_name} (warm)")
                self.papermill_execute_cells()
                self.nb.metadata["language_info"] = nbformat.from_dict(copy.deepcopy(IPythonKernel.language_info))
            finally:
                self.kc = self.km = None
                if self.on_notebook_complete is not None:
                    hook(self.on_notebook_complete, notebook=self.nb)
        return self.nb  # type: ignore[no-any-return]

    async def async_execute_cell(self, cell: Any, cell_index: int, *args: Any, **kwargs: Any) -> Any:
        """Run a cell; when its process dies or takes too long, keep what it wrote before and say why."""
        link = self.kc
        try:
            return await super().async_execute_cell(cell, cell_index, *args, **kwargs)
        except (DeadKernelError, CellTimeoutError) as error:
            link.end()
            for message in link.last_words():
                self.process_message(message, cell, cell_index)
            if isinstance(error, DeadKernelError):
                raise link.dead() from None
            raise

    execute_cell = run_sync(async_execute_cell)

    async def _async_poll_kernel_alive(self) -> None:
        """Stop waiting for a reply as soon as there will be none."""
        await self.kc.died.wait()
        if self.task_poll_for_reply is not None:
            self.task_poll_for_reply.cancel()
