"""The QPV observatory: honest briefs on French priority neighbourhoods.

For a notebook of one's own, few verbs (:mod:`qpv.verbs`), imported when first asked for: ``qpv.profile``,
``qpv.observations``, ``qpv.gap``, ``qpv.map``, ``qpv.perimeters``, ``qpv.catalog``, ``qpv.show``.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qpv.verbs import catalog as catalog
    from qpv.verbs import gap as gap
    from qpv.verbs import map as map
    from qpv.verbs import observations as observations
    from qpv.verbs import perimeters as perimeters
    from qpv.verbs import profile as profile
    from qpv.verbs import show as show

__version__ = "0.1.0"

#: What ``import qpv`` offers.
VERBS = ("catalog", "gap", "map", "observations", "perimeters", "profile", "show")


class _Package(ModuleType):
    """The package: a verb goes before the module of the same name (``qpv.profile``, ``qpv.catalog``).

    Whoever imports such a module would else have it put in the verb's place; ``from qpv.profile import …`` works as ever.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in VERBS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """Give a verb when it is asked for: importing the package alone must stay cheap."""
    if name in VERBS:
        return getattr(importlib.import_module("qpv.verbs"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its verbs are {', '.join(VERBS)}")


def __dir__() -> list[str]:
    """Name the verbs beside what is there."""
    return sorted({*globals(), *VERBS})
