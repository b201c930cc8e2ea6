"""The page that describes every command, written from the commands themselves so that it cannot go stale.

``python -m qpv.cli.handbook docs/fr/commandes.md`` writes it; a test fails as long as the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer.main

#: Exit code -> what it says, the same for all commands.
EXIT_CODES: Final = {
    0: "Tout s’est bien passé.",
    1: "Un brief, un PDF ou un téléchargement a échoué ; les autres sont là.",
    2: "Demande refusée (option, territoire, fichier, catalogue) : une ligne « erreur : » le dit, rien n’a été touché.",
    130: "Interrompu (Ctrl-C) : ce qui est écrit reste, la même commande reprend.",
}

_HEAD: Final = """# Commandes

Page écrite par `python -m qpv.cli.handbook docs/fr/commandes.md` à partir des commandes elles-mêmes ; `qpv COMMANDE --help` dit la même chose.

`make briefs`, `make data`, `make fetch` et `make pdf` appellent ces commandes, avec les variables que nomme `make help`.

## Codes de sortie

| Code | Sens |
| --- | --- |
"""

_SPEECH: Final = """
## Ce qui est dit, et où

- Résultats sur la sortie standard ; avancement, remarques et erreurs sur la sortie d’erreur.
- Barres, temps restant et couleurs seulement sur un terminal ; jamais de couleur quand `NO_COLOR` est défini.
- `--quiet` ne laisse que les erreurs (et le chemin du résultat) ; `--json` donne un objet JSON par ligne, nombres exacts.
"""


def leaves(command: Any = None, path: tuple[str, ...] = ("qpv",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give every command with the words that call it, groups first."""
    if command is None:
        from qpv.cli import app

        command = typer.main.get_command(app)
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, (*path, name))


def commands_page() -> str:
    """Write the page, in French, Markdown."""
    codes = "".join(f"| {code} | {words} |\n" for code, words in EXIT_CODES.items())
    return _HEAD + codes + _SPEECH + "".join(_section(path, c) for path, c in leaves() if not hasattr(c, "commands"))


def _section(path: tuple[str, ...], command: Any) -> str:
    words, _, example = str(command.help).partition("\n\nExemple : ")
    options = "".join(_option(p) for p in command.params if p.name != "help")
    table = f"\n| Option | Sens | Par défaut |\n| --- | --- | --- |\n{options}" if options else ""
    return f"\n## {' '.join(path)}\n\n{words}\n\n```sh\n{example.strip()}\n```\n{table}"


def _option(parameter: Any) -> str:
    name = f"`{parameter.opts[0]}`" if parameter.param_type_name == "option" else f"`{parameter.metavar or parameter.name}`"
    shown = getattr(parameter, "show_default", None)
    default = shown if isinstance(shown, str) else parameter.default
    said = "" if default is None or default is False or default == "" or callable(default) else str(default)
    words = " ".join(str(parameter.help or "").split()).replace("<", "&lt;")
    return f"| {name} | {words} | {said} |\n".replace("  |", " |")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(commands_page(), "utf-8")
