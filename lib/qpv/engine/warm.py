"""The engine as papermill knows it, and when it leaves a notebook to a real kernel."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager, NoSuchKernel
from papermill.engines import Engine, NBClientEngine
from papermill.log import logger
from papermill.utils import merge_kwargs, remove_args

#: What a kernel's command says after the interpreter; anything else may mean something.
_COMMANDS: Final = tuple(["-m", module, "-f", "{connection_file}"] for module in ("ipykernel_launcher", "ipykernel"))


class WarmEngine(Engine):
    """Runs a notebook in a fork of this process, or with ``in_place=True`` in this process itself."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        in_place: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Run the cells; the arguments are those of papermill's default engine.

        ``in_place`` runs one notebook without a fork, for a caller whose process is itself forked and
        thrown away afterwards.

        Raises
        ------
        nbclient.exceptions.DeadKernelError
            If the process that runs the cells dies; the message names the exit code or signal.
        nbclient.exceptions.CellTimeoutError
            If a cell takes longer than ``execution_timeout`` seconds.
        """
        told: dict[str, Any] = {"log_output": log_output, "stdout_file": stdout_file, "stderr_file": stderr_file}
        obstacle = needs_kernel(kernel_name)
        if obstacle:
            logger.info(f"{obstacle}: this notebook runs in a kernel of its own")
            times = {"start_timeout": start_timeout, "execution_timeout": execution_timeout}
            return NBClientEngine.execute_managed_notebook(nb_man, kernel_name, **told, **times, **kwargs)

        from qpv.engine.client import WarmClient  # late: it brings IPython

        settings = merge_kwargs(
            remove_args(["input_path", "timeout", "startup_timeout"], **kwargs),
            timeout=execution_timeout or kwargs.get("timeout"), startup_timeout=start_timeout, kernel_name=kernel_name, log=logger,
            **told,
        )  # fmt: skip
        return WarmClient(nb_man, in_place=in_place, **settings).execute()


@cache
def needs_kernel(name: str) -> str:
    """Say why notebooks of a kernel cannot run in this process, or nothing."""
    if not hasattr(os, "fork"):
        return "this system cannot fork processes"
    try:
        spec = KernelSpecManager().get_kernel_spec(NATIVE_KERNEL_NAME if name == "python" else name)
    except NoSuchKernel:
        return f"there is no kernel {name!r} here"  # which papermill will say in its own words
    command = [part for part in spec.argv[1:] if part != "-Xfrozen_modules=off"]
    if spec.language.lower() != "python" or command not in _COMMANDS:
        return f"the kernel {name!r} is not IPython's"
    if spec.env or not _is_this_interpreter(spec.argv[0]):
        return f"the kernel {name!r} belongs to another Python or environment"
    return ""


def _is_this_interpreter(program: str) -> bool:
    """Compare without following links: the interpreters of two environments may be links to one."""
    version = sys.version_info
    if program in {"python", f"python{version[0]}", f"python{version[0]}.{version[1]}"}:
        return True
    ours, theirs = Path(sys.executable), Path(program)
    return theirs.name.startswith("python") and theirs.parent == ours.parent
