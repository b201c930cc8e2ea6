"""Exploring in JupyterLab: widgets to choose territory, theme, indicator, comparators and period; a map, a chart and a table that follow.

The widgets alone are here; what they show is :mod:`qpv.exploration`, what they write is the batch's and the export's.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import ipywidgets as w

from qpv import batch, exploration, site
from qpv.atomic import write_atomically
from qpv.brief.blocks import with_style
from qpv.errors import QpvError
from qpv.html import text
from qpv.numbers import NNBSP
from qpv.profile import Profile, load_profile
from qpv.project import Project
from qpv.quarter import Quarter
from qpv.selection import resolve
from qpv.vocabulary import THEME_BRIEFS, THEMES_FR
from qpv.warehouse import opened

_WIDE: Final = w.Layout(width="auto", min_width="22rem", flex="1 1 22rem")
_PANE: Final = w.Layout(flex="1 1 30rem", min_width="20rem", overflow="auto")
_ROW: Final = w.Layout(flex_flow="row wrap", align_items="flex-start", width="100%")


class Explorer(w.VBox):
    """Selectors, what they show, and two buttons; ``explore.ipynb`` displays one.

    Parameters
    ----------
    territory
        What is shown first: a QPV, by code of 2024 or 2015, or by a name that only one has.
    theme
        One of :data:`qpv.vocabulary.THEMES_FR`.
    indicator
        By default the first of the theme that has a value for the QPV.
    quarter
        Only what was published by its end is shown; by default the last complete one.
    project
        By default the project in whose folder this runs.

    Raises
    ------
    ParameterError, UnknownTerritoryError, AmbiguousTerritoryError, WarehouseError
        Naming the value, what was expected and what to do.
    """

    def __init__(
        self, territory: str, theme: str = "revenue", indicator: str = "", *, quarter: str = "", project: Project | None = None
    ) -> None:
        self.project = project or Project.find(Path.cwd())
        self.warehouse = opened(self.project.warehouse)
        self.quarter = Quarter.parse(quarter) if quarter else Quarter.last_complete(dt.date.today())
        code = resolve(self.warehouse, territory)
        self.profile = load_profile(self.warehouse, code, theme, self.quarter)
        self._filling = False
        self._made_widgets(code, theme)
        super().__init__([
            w.HTML(with_style("")._repr_html_()),
            w.HBox([w.VBox([self.search, self.territory], layout=_WIDE), w.VBox([self.theme, self.indicator, self.period], layout=_WIDE)],
                   layout=_ROW),
            w.HBox([self.comparators_label, *self.comparators.values()], layout=_ROW),
            w.HBox([self.brief, self.export], layout=_ROW),
            self.told, self.said, w.HBox([self.chart, self.map], layout=_ROW), self.table,
        ])  # fmt: skip
        self._fill(indicator)
        self._listen()

    def _made_widgets(self, code: str, theme: str) -> None:
        self.search = w.Text(description="Chercher", placeholder="nom, commune ou code", layout=w.Layout(width="auto"))
        self.territory = w.Select(
            description="Quartier",
            options=exploration.territories(self.warehouse),
            value=code,
            rows=5,
            layout=w.Layout(width="auto"),
        )
        themes = [(label, key) for key, label in THEMES_FR.items()]
        self.theme, self.indicator, self.period = (
            w.Dropdown(description=words, options=options, layout=w.Layout(width="auto"))
            for words, options in (("Thème", themes), ("Indicateur", []), ("Période", []))
        )
        self.theme.value = theme
        self.comparators_label = w.HTML("Comparer à")
        self.comparators = {
            level: w.Checkbox(value=True, description=name, indent=False, layout=w.Layout(width="auto"))
            for name, level in exploration.comparators(self.profile)
        }
        self.brief = w.Button(description="Faire ce brief", icon="file", tooltip="Écrire le brief de ce quartier et de ce thème")
        self.export = w.Button(description="Exporter", icon="download", tooltip="Écrire les données de cet indicateur en CSV")
        self.told, self.said = w.HTML(), w.HTML()
        self.chart, self.map, self.table = w.HTML(layout=_PANE), w.HTML(layout=_PANE), w.HTML(layout=w.Layout(width="100%"))
        for pane, name in ((self.chart, "graphique"), (self.map, "carte"), (self.table, "tableau"), (self.told, "fait")):
            pane.add_class(f"qpv-{name}")

    def _listen(self) -> None:
        self.search.observe(self._safely(self._searched), "value")
        for selector in (self.territory, self.theme):
            selector.observe(self._safely(self._changed_profile), "value")
        self.indicator.observe(self._safely(lambda: self._fill_periods()), "value")
        for selector in (self.period, *self.comparators.values()):
            selector.observe(self._safely(self.show), "value")
        self.brief.on_click(self._safely(self._write_brief))
        self.export.on_click(self._safely(self._write_data))

    def _safely(self, act: Callable[[], None]) -> Callable[[Any], None]:
        """Answer an event; what goes wrong is said in its place, where a reader looks, not in a log that nobody opens."""

        def answer(event: Any) -> None:
            del event
            if self._filling:
                return
            try:
                act()
            except (QpvError, OSError) as error:
                self.told.value = _styled(exploration.sentence(f"Cela ne se peut pas{NNBSP}: {error}."))

        return answer

    def _searched(self) -> None:
        found, chosen = exploration.territories(self.warehouse, self.search.value), self.territory.value
        if not found:
            words = (
                f"Aucun quartier ne répond à «{NNBSP}{self.search.value}{NNBSP}»{NNBSP}: essayez un nom, une commune ou un code."
            )
            self.told.value = _styled(exploration.sentence(words))
            return
        self.told.value = ""
        self._filling = True
        self.territory.options = found
        self.territory.value = chosen if chosen in [code for _, code in found] else found[0][1]
        self._filling = False
        if self.territory.value != chosen:
            self._changed_profile()

    def _changed_profile(self) -> None:
        if self.territory.value is None:
            return
        self.profile = load_profile(self.warehouse, self.territory.value, self.theme.value, self.quarter)
        for name, level in exploration.comparators(self.profile):
            self.comparators[level].description = name
        self._fill(self.indicator.value)

    def _fill(self, indicator: str) -> None:
        """List the indicators of the theme, keep the one that was shown if it is among them, and show it."""
        options = exploration.indicators(self.profile)
        known = [i for _, i in options]
        self._filling = True
        self.indicator.options = options
        self.indicator.value = indicator if indicator in known else known[0]
        self._filling = False
        self._fill_periods()

    def _fill_periods(self) -> None:
        options, chosen = exploration.periods(self.profile, self.indicator.value), self.period.value
        self._filling = True
        self.period.options = options
        self.period.value = chosen if chosen in [p for _, p in options] else ""
        self._filling = False
        self.show()

    def show(self) -> None:
        """Show what is chosen."""
        levels = [level for _, level in exploration.comparators(self.profile) if self.comparators[level].value]
        view = exploration.view(self.profile, self.indicator.value, levels, self.period.value)
        about = self.profile.catalog.indicator(self.indicator.value)
        head = f"<p>Au {text(self.quarter.label)}{NNBSP}: {text(about.definition)} {text(about.universe)}</p>"
        self.said.value = _styled(f"<h3>{text(view.title)}</h3>{head}{''.join(map(exploration.sentence, view.said))}")
        self.chart.value, self.table.value = _styled(view.chart), _styled(view.table)
        self.map.value = _styled(view.map._repr_html_() if view.map is not None else "")

    def _write_brief(self) -> None:
        theme = self.theme.value
        if theme not in THEME_BRIEFS:
            self.told.value = _styled(exploration.sentence(f"Le thème «{NNBSP}{THEMES_FR[theme]}{NNBSP}» n’a pas de brief."))
            return
        self.told.value = _styled(exploration.sentence("Le brief se fait…"))
        page, problem = make_brief(self.project, self.profile)
        self.told.value = _styled(exploration.sentence(problem) if problem else self._link("Brief écrit", page))

    def _write_data(self) -> None:
        self.told.value = _styled(self._link("Données écrites", write_data(self.project, self.profile, self.indicator.value)))

    def _link(self, words: str, path: Path) -> str:
        """Say where a file lies, with a link where the server of this kernel gives it."""
        place = path.relative_to(self.project.root).as_posix()
        address = served(path)
        name = f'<a href="{text(address)}" target="_blank" rel="noopener">{text(place)}</a>' if address else text(place)
        return f'<p class="easy" role="status">{text(words)}{NNBSP}: {name}</p>'


def make_brief(project: Project, profile: Profile) -> tuple[Path, str]:
    """Make the brief of a QPV and theme as ``qpv briefs`` does; give its page and, where it failed, a sentence that says so.

    Raises
    ------
    ParameterError
        If another run is at work in the same folder, or it cannot be written.
    """
    when = profile.quarter
    tasks = batch.plan([profile.code], [profile.theme], when, project.notebooks, project.warehouse, project.outputs)
    records = batch.run(tasks, 1, territory=profile.code)
    folder = project.outputs / str(when)
    site.write_index(batch.published(folder), when, profile.warehouse, folder)
    errors = [r.error for r in records if r.error is not None]
    said = f"Le brief n’a pas pu être fait{NNBSP}: {errors[0]['name']}, {errors[0]['message']}." if errors else ""
    return tasks[0].page, said


def write_data(project: Project, profile: Profile, indicator: str) -> Path:
    """Write the facts on an indicator as CSV beside the briefs of the QPV; the file appears whole."""
    path = project.outputs / str(profile.quarter) / profile.code / f"{profile.code}-{indicator}-{profile.quarter}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, exploration.data(profile, indicator))
    return path


def served(path: Path) -> str:
    """Give the address of a file on the Jupyter server that started this kernel; ``""`` where there is none, or it lies outside."""
    from jupyter_server.serverapp import list_running_servers

    for server in list_running_servers():
        root = Path(server["root_dir"]).resolve()
        if server["pid"] == os.getppid() and path.resolve().is_relative_to(root):
            return f"{server['base_url']}files/{path.resolve().relative_to(root).as_posix()}"
    return ""


def _styled(content: str) -> str:
    return f'<div class="qpv">{content}</div>' if content else ""
