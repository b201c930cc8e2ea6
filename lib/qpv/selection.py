"""From what a person writes to the codes of QPV: a code of either generation, a name, an EPCI, a département."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

import pandas as pd

from qpv.errors import AmbiguousTerritoryError, UnknownTerritoryError
from qpv.reference import fold
from qpv.warehouse import Warehouse

#: A predecessor counts when it covers at least this share of the QPV of 2024.
PREDECESSOR_SHARE: Final = 0.2

#: Fewer QPV than this in the warehouse: the contours of France were not dropped.
_ALL_OF_FRANCE: Final = 1000


def resolve(warehouse: Warehouse, text: str) -> str:
    """Find the 2024 code of a QPV from its code (2024 or 2015) or its name.

    Raises
    ------
    UnknownTerritoryError
        With the nearest codes or names.
    AmbiguousTerritoryError
        With the candidates, when several QPV answer.
    """
    qpv = warehouse.places("qpv")
    new = qpv[qpv["generation"] == "2024"]
    code = text.strip().upper()
    if code in new.index:
        return code
    if code in qpv.index:
        heirs = warehouse.crosswalk[warehouse.crosswalk["code_2015"] == code]
        near = (heirs["code_2024"] != "") & (heirs["share_2015"].fillna(1) >= PREDECESSOR_SHARE)
        main = heirs.loc[near, "code_2024"].unique()
        if len(main) == 1:
            return str(main[0])
        if len(main) > 1:
            raise AmbiguousTerritoryError(f"{code} became several QPV in 2024: {_candidates(new, main)}")
        name = qpv.set_index("code").at[code, "name"]
        if (heirs["relation"] == "ended").any():
            raise UnknownTerritoryError(
                f"{code} ({name}) ended with the perimeters of 2015: no QPV of 2024 succeeds it "
                "(quartier sorti de la géographie prioritaire, sans successeur en 2024)"
            )
        slight = heirs.loc[heirs["code_2024"] != "", "code_2024"]
        touched = f": {_candidates(new, slight)} cover less than a fifth of it" if len(slight) else ""
        raise UnknownTerritoryError(f"{code} ({name}) has no known successor among the QPV of 2024{touched}; give a code of 2024")
    wanted = fold(text)
    named = [
        c for c, name, aliases in zip(new.index, new["name"], new["aliases"], strict=True)
        if wanted and wanted in {fold(n) for n in [name, *aliases.split("|")]}
    ]  # fmt: skip
    if len(named) == 1:
        return str(named[0])
    if named:
        raise AmbiguousTerritoryError(f"{text!r} is the name of several QPV: {_candidates(new, named)}; give the code")
    near = difflib.get_close_matches(code, list(qpv["code"]), n=40, cutoff=0.6)
    near = sorted(near, key=lambda c: c[2:5] != code[2:5])[:3]  # the same département first
    if not near:
        by_name = {fold(n): c for c, n in new["name"].items()}
        near = [f"{by_name[n]} ({new.at[by_name[n], 'name']})" for n in difflib.get_close_matches(wanted, by_name, 3)]
    few = len(new) < _ALL_OF_FRANCE
    hint = f"nearest: {', '.join(near)}" if near else "give a code such as QN06254M, QP062056, or a name"
    if few:
        hint += "; only the QPV of the embedded contracts are known: drop the QPV contours into data/raw for all of France"
    raise UnknownTerritoryError(f"no QPV answers to {text!r}; {hint}")


def _candidates(new: pd.DataFrame, codes: Iterable[str]) -> str:
    return "; ".join(f"{c} ({new.at[c, 'name']}, {new.at[c, 'communes']})" for c in codes)


def select(warehouse: Warehouse, territory: str) -> list[str]:
    """Give the codes of the QPV of a territory, in order.

    ``territory`` is a QPV (code or name), an EPCI (SIREN), a département, ``all``, or ``contracts``
    for the QPV that have figures in the embedded contracts.

    Raises
    ------
    UnknownTerritoryError, AmbiguousTerritoryError
        As :func:`resolve`; also for an EPCI or département without QPV.
    """
    qpv = warehouse.places("qpv")
    qpv = qpv[qpv["generation"] == "2024"]
    text = territory.strip()
    if text == "all":
        return sorted(qpv["code"])
    if text == "contracts":
        return sorted(warehouse.covered)
    if text.isdigit() and len(text) == 9:
        found = qpv[qpv["epci"].str.split(" ").map(lambda codes: text in codes)]
    elif text in warehouse.places("departement").index:
        found = qpv[qpv["departement"] == text]
    else:
        return [resolve(warehouse, text)]
    if found.empty:
        raise UnknownTerritoryError(f"no QPV is known in territory {text!r}: drop the QPV contours into data/raw")
    return sorted(found["code"])
