"""The command ``qpv``: bad input gets one clear line and exit code 2, and nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pages
import pytest
from projects import Project, Said, refused, request
from qpv.vocabulary import BRIEF_THEMES
from qpv.warehouse import Warehouse

COMMANDS = [
    ("briefs",),
    ("pdf",),
    ("export",),
    ("data",),
    *(("data", c) for c in ("build", "fetch", "status", "diff", "catalog")),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose warehouse is built, and whose notebook on health raises."""
    found = Project(pages.copy_project(tmp_path_factory.mktemp("project") / "main"))
    pages.insert_cell(found.root / "notebooks" / "health.ipynb", "raise ValueError('le fichier manque')")
    built = found.qpv("data", "build", "--raw", "data/raw")
    assert (built.code, built.err) == (0, "")
    return found


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """A project where nothing was done yet."""
    return Project(pages.copy_project(tmp_path / "main"))


@pytest.fixture(scope="module")
def mixed(project: Project) -> Said:
    """The command on one notebook that works and one that raises; ``2026-Q3`` is read as ``2026-T3``."""
    return project.process(*request(quarter="2026-Q3", theme="revenue,health", jobs="2"))


def test_unknown_code_is_refused_with_the_nearest_codes(project: Project) -> None:
    message = refused(project.process(*request(territory="QN06299X")))
    assert "'QN06299X'" in message
    assert len(re.findall(r"\bQ[NP]062\w{3}\b", message)) >= 1
    assert not (project.root / "outputs" / "2026-T3" / "QN06299X").exists()


@pytest.mark.parametrize("name", ["Cité 10", "cite 10"])
def test_ambiguous_name_is_refused_with_the_candidates(project: Project, name: str) -> None:
    message = refused(project.briefs(territory=name))
    assert "QN06232M" in message
    assert "QN06247M" in message


@pytest.mark.parametrize("quarter", ["2026-13", "2026T3", "2026-T5"])
def test_malformed_quarter_is_refused_with_the_format(fresh: Project, quarter: str) -> None:
    message = refused(fresh.briefs(quarter=quarter))
    assert f"'{quarter}'" in message
    assert "YYYY-Tn" in message
    assert "2026-T3" in message
    assert not fresh.warehouse.exists()


def test_unknown_theme_is_refused_with_the_allowed_ones_before_any_work(fresh: Project) -> None:
    message = refused(fresh.briefs(theme="revenue,transport"))
    assert "'transport'" in message
    assert all(theme in message for theme in BRIEF_THEMES)
    assert not fresh.warehouse.exists()
    assert not (fresh.root / "outputs").exists()


def test_raw_folder_that_does_not_exist_is_refused_by_name(fresh: Project) -> None:
    message = refused(fresh.briefs(raw="data/nowhere"))
    assert "'nowhere'" in message
    assert not (fresh.root / "outputs").exists()


def test_command_outside_a_project_says_where_to_go(tmp_path: Path) -> None:
    message = refused(Project(tmp_path).qpv("briefs"))
    assert "data/catalog" in message


def test_quiet_leaves_the_balance_of_the_state_and_nothing_of_the_catalogue(project: Project, tmp_path: Path) -> None:
    status = project.qpv("data", "status", "--quiet")
    assert (status.code, status.err) == (0, "")
    assert re.fullmatch(r"éditions lues : 5, sources attendues : \d+, fichiers non lus : 0, remarques : \d+\n", status.out)
    page = str(tmp_path / "catalogue.md")
    silent = project.qpv("data", "catalog", "--output", page, "--quiet")
    assert (silent.code, silent.out, silent.err) == (0, "", "")
    assert json.loads(project.qpv("data", "catalog", "--output", page, "--json").out) == {"event": "end", "path": page}
    assert Path(page).read_text("utf-8").startswith("# ")


def test_status_without_a_warehouse_says_how_to_make_one(fresh: Project) -> None:
    assert "qpv data build" in refused(fresh.qpv("data", "status"))


def _cut_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("base_cc_comparateur.CSV", "CODGEO;P18_POP\n" + "62193;72929\n" * 500)
    path.write_bytes(path.read_bytes()[:60])


def _other_columns(path: Path) -> None:
    path.write_text("identifiant;valeur\n0620056;12\n", "utf-8")


def _wrong_encoding(path: Path) -> None:
    path.write_bytes("Rentrée scolaire;Académie;UAI;IPS\n2022;Lille;0620056X;76,1\n".encode("utf-16"))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("base_cc_comparateur_csv.zip", _cut_archive),
        ("ips-colleges-ap2022.csv", _other_columns),
        ("REVN_2022.csv", _other_columns),
        ("REVN_2022.csv", _wrong_encoding),
    ],
    ids=["cut archive", "schools lack columns", "table lacks columns", "wrong encoding"],
)
def test_damaged_raw_file_is_named_and_the_old_warehouse_stays(
    project: Project, tmp_path: Path, name: str, damage: object
) -> None:
    damage(tmp_path / name)
    before = project.fingerprint()
    message = refused(project.briefs(raw=str(tmp_path)))
    assert name in message
    assert str(tmp_path) not in message
    assert project.fingerprint() == before
    assert Warehouse(project.warehouse).covered


def test_raw_file_of_no_known_edition_is_reported_and_stops_nothing(fresh: Project) -> None:
    (fresh.root / "data" / "raw" / "notes de réunion.csv").write_text("a;b\n", "utf-8")
    said = fresh.qpv("data", "build", "--raw", "data/raw")
    assert said.code == 0
    assert "aucune édition connue : 1 (" in said.out
    status = fresh.qpv("data", "status")
    assert status.code == 0
    assert "notes de réunion.csv" in status.out


def test_failing_notebook_ends_with_one_and_the_others_are_published(project: Project, mixed: Said) -> None:
    assert mixed.code == 1
    folder = project.root / "outputs" / "2026-T3"
    assert (folder / "QN06225M" / "revenue.html").stat().st_size > 100_000
    assert not (folder / "QN06225M" / "health.html").exists()
    told = json.loads((folder / "run.json").read_text("utf-8"))
    assert [(b["theme"], b["status"]) for b in told["briefs"]] == [("revenue", "degraded"), ("health", "failed")]


def test_failing_notebook_is_told_in_one_line_without_traceback(mixed: Said) -> None:
    (line,) = [line for line in mixed.err.splitlines() if line.startswith("échec")]
    assert line == "échec : QN06225M health, cellule 2 : ValueError: le fichier manque"
    assert "Traceback" not in mixed.err + mixed.out


def test_last_line_is_the_path_of_the_index(project: Project, mixed: Said) -> None:
    last = Path(mixed.out.splitlines()[-1])
    assert last == project.root / "outputs" / "2026-T3" / "index.html"
    assert "le fichier manque" in last.read_text("utf-8")


def test_success_ends_with_zero_and_quiet_prints_the_path_of_the_index_only(project: Project, tmp_path: Path) -> None:
    options = request(territory="Grande Résidence", theme="employment", output=str(tmp_path / "sortie"))
    said = project.process(*options, "--quiet")
    index = tmp_path / "sortie" / "2026-T3" / "index.html"
    assert (said.code, said.out, said.err) == (0, f"{index}\n", "")
    assert 'href="QN06225M/employment.html"' in index.read_text("utf-8")
    assert (index.parent / "QN06225M" / "employment.html").exists()


def test_second_build_of_the_same_data_has_nothing_to_do(project: Project) -> None:
    before = project.fingerprint()
    said = project.qpv("data", "build", "--raw", "data/raw")
    assert said.code == 0
    assert "à jour" in said.out
    assert project.fingerprint() == before


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_each_command_has_an_example(tmp_path: Path, command: tuple[str, ...]) -> None:
    said = Project(tmp_path).qpv(*command, "--help")
    assert (said.code, said.err) == (0, "")
    assert f"Exemple : qpv {' '.join(command)}" in said.out


def test_help_of_the_whole_has_an_example(tmp_path: Path) -> None:
    assert "Exemple : qpv briefs" in Project(tmp_path).qpv("--help").out


def test_nothing_is_coloured_off_a_terminal(project: Project) -> None:
    """Also without ``NO_COLOR``: cron mails what a command says."""
    plain = {k: v for k, v in project.environment().items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    for words in (["--help"], ["data", "status"], ["briefs", "--territory", "QN06299X", "--raw", "data/raw"]):
        done = subprocess.run(project.command(*words), cwd=project.root, env=plain, capture_output=True, timeout=250, check=False)
        assert done.stdout + done.stderr
        assert b"\x1b[" not in done.stdout + done.stderr, words


def test_no_color_is_respected_on_a_terminal(tmp_path: Path) -> None:
    reader, terminal = os.openpty()
    environment = {**Project(tmp_path).environment(), "TERM": "xterm-256color"}
    subprocess.run(
        Project(tmp_path).command("--help"),
        cwd=tmp_path,
        env=environment,
        stdout=terminal,
        stderr=terminal,
        timeout=250,
        check=True,
    )
    os.close(terminal)
    said = b""
    try:
        while part := os.read(reader, 4096):
            said += part
    except OSError as end:  # how a closed terminal ends on Linux
        assert end.errno == errno.EIO
    os.close(reader)
    assert "données et briefs".encode() in said
    assert not re.search(rb"\x1b\[[\d;]*\b(3|4|9)\d[\d;]*m", said)


def test_a_build_and_an_export_speak_json(project: Project, tmp_path: Path) -> None:
    said = project.qpv("data", "build", "--raw", "data/raw", "--json")
    end = json.loads(said.out.splitlines()[-1])
    assert (end["event"], end["fresh"]) == ("end", False)
    assert end["observations"] > 1_000
    folder = tmp_path / "export"
    told = json.loads(
        project.qpv("export", "--territory", "QN06225M", "--quarter", "2026-T3", "--output", str(folder), "--json").out
    )
    assert told == {"event": "end", "folder": str(folder), "territory": "QN06225M", "quarter": "2026-T3"}


@pytest.fixture
def slow(fresh: Project) -> Iterator[tuple[subprocess.Popen[str], Project]]:
    """A command in the middle of a brief that takes an hour."""
    started = fresh.root / "started"
    source = f"import pathlib, time\npathlib.Path({str(started)!r}).touch()\ntime.sleep(3600)"
    pages.insert_cell(fresh.root / "notebooks" / "revenue.ipynb", source)
    process = subprocess.Popen(
        fresh.command(*request()), cwd=fresh.root, env=fresh.environment(), text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        # What a shell starts in the background ignores SIGINT, and so would all that it starts in turn.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while not started.exists() and process.poll() is None:  # however long a busy machine takes
        time.sleep(0.1)
    assert started.exists()
    yield process, fresh
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_ctrl_c_ends_soon_with_130_and_a_word(slow: tuple[subprocess.Popen[str], Project]) -> None:
    process, project = slow
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, told = process.communicate(timeout=300)  # a busy machine takes its time, but the brief would take an hour
    assert process.returncode == 130
    assert "interrompu" in told
    assert "Traceback" not in told
    assert not (project.root / "outputs" / "2026-T3" / "QN06225M").exists()
