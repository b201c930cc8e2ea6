"""The official passage table from the QPV of 2015 to those of 2024 (ANCT)."""

from __future__ import annotations

from typing import Final

import pandas as pd

from qpv.catalog import Edition, Source
from qpv.errors import SourceError
from qpv.reference import fold
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.text_table import LINE, read_text_table
from qpv.territory import normalise_code

#: What the letter says with which a code of 2024 ends.
_LETTERS: Final = {"N": "new", "M": "redrawn", "I": "identical"}
#: The words of ``Statut`` that are understood, without accents: no table was at hand when this was written.
_WORDS: Final = {
    "n": "new", "nouveau": "new", "m": "redrawn", "modifie": "redrawn", "i": "identical", "identique": "identical",
    "inchange": "identical",
}  # fmt: skip
_PREDECESSORS: Final = ("QP2015_1", "QP2015_2", "QP2015_3")


@reader("qpv_passage")
def read_passage(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read ``QP2024;Label_QP2024;Statut;QP2015_1;Label_QP2015_1;…``: one row a QPV of 2024, up to three of 2015.

    Returns
    -------
    Delivery
        ``passage`` only: ``code_2024, code_2015, relation``, one row a pair; ``code_2015`` is empty where the
        QPV is ``new``.  The relation is what ``Statut`` says, failing that the letter of the code.  A QPV
        whose status and predecessors contradict each other is named in a finding.

    Raises
    ------
    SourceError
        If the table is damaged, a column lacks, a pair stands twice, or codes are of another kind.
    """
    del context
    assert source.table is not None
    frame = read_text_table(raw, source.table, edition)
    lacking = [c for c in ("QP2024", "Statut", *_PREDECESSORS) if c not in frame]
    if lacking:
        raise SourceError(
            f"{raw.name}, line {source.table.header_row}: no column {', '.join(map(repr, lacking))}; found {', '.join(c for c in frame if c != LINE)}"
        )
    pairs: list[tuple[str, str, str]] = []
    seen: dict[tuple[str, str], int] = {}
    notes: dict[str, list[str]] = {}
    bad: list[tuple[int, str]] = []
    for item in frame.to_dict("records"):
        line = int(item[LINE])
        code = normalise_code(item["QP2024"], "qpv", "2024")
        if code is None:
            bad.append((line, item["QP2024"]))
            continue
        cells = [item[c].strip() for c in _PREDECESSORS]
        old = [c for cell in cells if (c := normalise_code(cell, "qpv", "2015"))]
        relation = _relation(code, item["Statut"], notes)
        if len(old) < sum(map(bool, cells)):
            notes.setdefault("a predecessor that is no code of 2015, left out", []).append(code)
        if relation == "new" and old:
            notes.setdefault("new, and yet with predecessors: read as redrawn", []).append(code)
            relation = "redrawn"
        if relation == "identical" and len(old) > 1:
            notes.setdefault("identical to several predecessors at once: read as redrawn", []).append(code)
            relation = "redrawn"
        if relation != "new" and not old:
            notes.setdefault("not new, and yet without predecessor: left out", []).append(code)
            continue
        for pair in [(code, o) for o in old] or [(code, "")]:
            if pair in seen:
                raise SourceError(f"{raw.name}, line {line}: {' '.join(pair).strip()} stands twice, first on line {seen[pair]}")
            seen[pair] = line
            pairs.append((*pair, relation))
    if len(bad) > max(10, len(frame) // 20):
        raise SourceError(
            f"{raw.name}, line {bad[0][0]}: {bad[0][1][:60]!r} is no code of a QPV of 2024, and so in {len(bad)} rows of {len(frame)}"
        )
    if bad:
        notes["rows left out, no code of a QPV of 2024"] = [text[:60] for _, text in bad]
    findings = [Finding("warning", raw.name, f"{len(c)} QPV: {what}: {', '.join(c)}") for what, c in notes.items()]
    return Delivery(passage=pd.DataFrame(pairs, columns=["code_2024", "code_2015", "relation"], dtype=object), findings=findings)


def _relation(code: str, status: str, notes: dict[str, list[str]]) -> str:
    """Read the status; a word that is not understood gives way to the letter of the code."""
    by_letter, word = _LETTERS.get(code[-1], "unknown"), fold(status) or status.strip()
    said = _WORDS.get(word, by_letter)
    if word and word not in _WORDS:
        notes.setdefault("a status that is not understood: the letter of the code is followed", []).append(code)
    elif said != by_letter:
        notes.setdefault("status and letter of the code differ: the status is followed", []).append(code)
    return said
