"""A papermill engine that needs no kernel process: ``papermill --engine qpv-warm in.ipynb out.ipynb``.

Cells run as ipykernel runs them, in a process forked from this one, which has imported what is
heavy: same outputs, none of the start of a kernel.  Notebooks do not know.  Nothing here depends on
the rest of the library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from qpv.engine.shell import prepare as prepare
    from qpv.engine.warm import WarmEngine as WarmEngine

#: The engine's name, as papermill's ``--engine`` takes it.
NAME: Final = "qpv-warm"


def __getattr__(name: str) -> Any:
    """Give ``WarmEngine`` and ``prepare`` when they are asked for.

    Late, because papermill loads its engines while it is itself being imported, and whoever imports
    it for something else should not pay for IPython.
    """
    if name == "WarmEngine":
        from qpv.engine.warm import WarmEngine

        return WarmEngine
    if name == "prepare":
        from qpv.engine.shell import prepare

        return prepare
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def register() -> None:
    """Make papermill know the engine; needed only where the package is not installed with its entry points."""
    from papermill.engines import papermill_engines

    from qpv.engine.warm import WarmEngine

    papermill_engines.register(NAME, WarmEngine)
