"""The command ``qpv``: build the data, make the briefs.

Its own words are French; messages of exceptions and findings follow its prefixes as they are, in English.
Exit codes: 0 all went well; 1 a brief or a download failed, the others are there; 2 bad input, nothing was
touched; 130 interrupted, the same command goes on.
"""

from __future__ import annotations

import sys

import typer

from qpv.cli.briefs import briefs_command, pdf_command
from qpv.cli.console import err, explained
from qpv.cli.data import data_app
from qpv.cli.export import export_command
from qpv.errors import QpvError

# The commands import what they need when they run: pandas and geopandas cost seconds, which neither
# --help nor a mistyped quarter should.

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help=explained("Observatoire des quartiers prioritaires : données et briefs.",
                                 "qpv briefs --territory QN06254M --theme revenue"))  # fmt: skip
app.add_typer(data_app, name="data")
app.command("briefs", help=explained(
    "Faire les briefs d’un territoire pour un trimestre : ceux qui manquent, et ceux dont les données, le notebook ou le "
    "programme ont changé.",
    "qpv briefs --quarter 2026-T3 --territory QN06254M --theme revenue",
))(briefs_command)  # fmt: skip
app.command("pdf", help=explained(
    "Faire les PDF des briefs d’un trimestre, à côté de leurs pages ; seulement ceux qui manquent ou sont plus anciens.",
    "qpv pdf --quarter 2026-T3 --territory QN06254M",
))(pdf_command)  # fmt: skip
app.command("export", help=explained(
    "Écrire les chiffres d’un territoire en CSV et Parquet, avec leur dictionnaire (datapackage.json).",
    "qpv export --territory 200090751 --quarter 2026-T3",
))(export_command)  # fmt: skip


def main() -> None:
    """Run the command; a :class:`QpvError` becomes one line and exit code 2."""
    try:
        app()
    except QpvError as error:
        err.print(f"erreur : {error}", markup=False, soft_wrap=True)
        sys.exit(2)
