"""What a file holds of later periods than its edition: a delivery of its own, published later.

Producers add sessions, quarters and years to files that keep their name.  A described edition says which
period is its last (``periods``) and when it was published; rows of later periods cannot have come out by
then, and a brief "as of" that day must not show them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd

from qpv.catalog import Edition
from qpv.quarter import UNDATED, period_position
from qpv.sources.base import Delivery
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.recognition import Recognised

#: By the end of which year after its last period an edition has come out, where the file itself is younger.
_LAG = 2


def dated(deliveries: list[tuple[Recognised, Delivery]]) -> tuple[list[tuple[Recognised, Delivery]], list[Finding]]:
    """Set apart the observations of periods that came after what an edition describes.

    Parameters
    ----------
    deliveries
        All that was read and counted; the periods of observations are those of their rows.

    Returns
    -------
    tuple
        The deliveries, each cut one followed by its later part (an edition of its own, published by the day on which
        the file was written here, its precision ``assumed``); and what a person should know of them.
    """
    done: list[tuple[Recognised, Delivery]] = []
    findings = []
    for item, delivery in deliveries:
        table = delivery.observations
        late = _late(table, item.edition)
        if not late.any():
            done.append((item, delivery))
            continue
        periods = sorted(table.loc[late, "period"].astype(str).unique(), key=period_position)
        edition = _later(item.edition, item.file, periods[-1])
        rows = table[late]
        rows = rows.assign(edition=pd.Series(edition.id, index=rows.index).astype(table["edition"].dtype.name))
        done.append((item, replace(delivery, observations=table[~late].reset_index(drop=True))))
        done.append((Recognised(item.source, edition, item.file), Delivery(observations=rows.reset_index(drop=True))))
        findings.append(
            Finding("warning", item.file.name,
                    f"its rows of {', '.join(periods)} are later than edition {item.edition.id}, published {item.edition.published}: "
                    f"kept as edition {edition.id}, published by {edition.published}; to describe them, give source "
                    f"{item.source.id!r} of sources.yml an edition with this last period and the producer's day")
        )  # fmt: skip
    return done, findings


def _late(table: pd.DataFrame, edition: Edition) -> np.ndarray:
    """Tell the observations of a period after the last that the edition describes; without one, begun after its publication."""
    described = [period_position(p) for p in edition.periods.values() if p != UNDATED]
    codes, periods = pd.factorize(table["period"].astype(str))
    if described:
        late = [period_position(p) > max(described) + 1e-9 for p in periods]
    else:
        late = [p != UNDATED and int(p[:4]) > edition.published.year for p in periods]
    found: np.ndarray = np.array([*late, False], dtype=bool)[codes]
    return found


def _later(edition: Edition, file: RawFile, last: str) -> Edition:
    """Describe the later part: published when the file was written here, and not before its last period began."""
    ends = int(period_position(last))
    known = min(dt.date(ends + _LAG, 12, 31), file.written())
    return edition.model_copy(
        update={
            "id": f"{edition.id}_to_{last.replace('-', '_').lower()}",
            "published": max(known, edition.published, dt.date(int(last[:4]), 1, 1)),
            "published_precision": "assumed", "periods": {"main": last}, "dated_by": "file", "rows": None, "sha256": [],
            "traps": [
                *edition.traps,
                "Périodes que le catalogue ne décrit pas encore dans ce fichier : leur date de publication est supposée.",
            ],
        }
    )  # fmt: skip
