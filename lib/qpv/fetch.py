"""Fetching official files: where each lies today, its bytes, and proof of where they came from.

A file goes to ``<raw>/<source>/<name>`` once it is whole, of the kind that its name says, and no less than what its
edition and the file that is there lead to expect (:mod:`qpv.arrival`); until then it lies beside, hidden, and is resumed
by the next attempt.  What it replaces is kept in ``<raw>/<source>/<day>/``.  ``<raw>/manifest.json`` records address,
date and digest.  Whatever fails, what was there remains.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlencode, urljoin

import pooch
from pydantic import BaseModel, ValidationError

from qpv.arrival import check_arrival, keep_old
from qpv.atomic import write_atomically
from qpv.catalog import Catalog, Edition, Fetch, Source, file_name, is_file_name
from qpv.download import Client, Part, Progress, Settings, check_content
from qpv.errors import FetchError, ParameterError
from qpv.sources.recognition import editions_of

DATAGOUV: Final = "https://www.data.gouv.fr"
INSEE: Final = "https://www.insee.fr"
MANIFEST: Final = "manifest.json"
_INCOMING: Final = ".incoming"
_NAMELESS: Final = "no edition of the catalogue has this name"
_INSEE_LINK: Final = re.compile(
    r"""["'](?:https://www\.insee\.fr)?(/fr/statistiques/fichier/[^"'<>\s?]+\.(?:zip|xlsx?|csv|parquet))["'?]""", re.IGNORECASE
)


class Order(NamedTuple):
    """One file to fetch."""

    source: Source
    edition: Edition | None
    fetch: Fetch

    @property
    def label(self) -> str:
        """The id of the edition, or of the source."""
        return self.edition.id if self.edition else self.source.id


class Record(BaseModel):
    """What the manifest knows of a fetched file."""

    source: str
    edition: str  # "" where no edition of the catalogue has the file's name
    url: str
    sha256: str
    bytes: int
    fetched: dt.datetime
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of an order: ``message`` says why it failed, or what to know of the file ``name``."""

    label: str
    status: Literal["fetched", "unchanged", "failed"]
    name: str = ""
    bytes: int = 0
    message: str = ""


def orders(catalog: Catalog, names: Iterable[str] = ()) -> list[Order]:
    """List what can be fetched: of the sources or editions named, or of all.

    Raises
    ------
    ParameterError
        If a name is unknown, or if the catalogue knows no way to fetch it.
    """
    known = [Order(s, None, s.fetch) for s in catalog.sources.values() if s.fetch]
    known += [Order(s, e, e.fetch) for s, e in catalog.editions.values() if e.fetch]
    chosen: list[Order] = []
    for name in dict.fromkeys(names):
        found = [o for o in known if name in (o.source.id, o.label)]
        if not found and name in catalog.sources:
            page = catalog.sources[name].landing_page
            raise ParameterError(f"source {name!r} has no 'fetch' in the catalogue: drop its file by hand; see {page}")
        if not found:
            raise ParameterError(f"unknown source {name!r}; can be fetched: {', '.join(sorted({o.source.id for o in known}))}")
        chosen += [o for o in found if o not in chosen]
    return chosen if names else known


def fetch(
    wanted: Iterable[Order],
    raw: Path,
    settings: Settings | None = None,
    progress: Progress = lambda label, done, total: None,
) -> Iterator[Outcome]:
    """Fetch one file after the other into ``raw`` and say of each what became of it.

    ``progress`` is told label, bytes so far, and bytes in all where the server says.

    Raises
    ------
    FetchError
        If the manifest cannot be read, or another process is fetching into ``raw``.
    """
    with _alone(raw), closing(Client(settings or Settings(), progress)) as client:
        manifest = _read_manifest(raw)
        for order in wanted:
            try:
                url, name = _resolve(client, order.fetch)
                yield _bring(client, order, url, name, raw, manifest)
            except FetchError as error:
                yield Outcome(order.label, "failed", message=_one_line(str(error)))
            except OSError as error:
                yield Outcome(order.label, "failed", message=f"cannot be stored: {error.strerror or error}")


def _one_line(message: str) -> str:
    """Keep what a server said from breaking the line, or commanding the terminal."""
    return "".join(c if c.isprintable() else " " for c in message)


# --- where a file lies today ---------------------------------------------------------------------------


def _resolve(client: Client, how: Fetch) -> tuple[str, str]:
    """Give the address of a file and the name to store it under."""
    if how.kind == "direct":
        url = how.url
    elif how.kind == "opendatasoft":
        options = {"delimiter": ";", "lang": "fr", "use_labels": str(how.labels).lower()}
        url = f"{how.base}/api/explore/v2.1/catalog/datasets/{how.dataset}/exports/csv?{urlencode(options)}"
        return url, how.name or f"{how.dataset}.csv"
    elif how.kind == "insee":
        url = _on_insee_page(client, how)
    else:
        url = _in_dataset(client, how)
    name = how.name or file_name(url)
    if not is_file_name(name):
        raise FetchError(f"{url}: {name!r} is no safe file name; give 'name' in the catalogue")
    return url, name


def _on_insee_page(client: Client, how: Fetch) -> str:
    page = f"{INSEE}/fr/statistiques/{how.page}"
    links = {urljoin(INSEE, html.unescape(link)) for link in _INSEE_LINK.findall(client.text(page))}
    found = sorted(link for link in links if re.search(how.pattern, file_name(link), re.IGNORECASE))
    if len(found) != 1:
        names = ", ".join(sorted(map(file_name, found or links))) or "none"
        raise FetchError(f"{page}: expected one link like {how.pattern!r}, found {len(found)}; links: {names[:400]}")
    return found[0]


class _Resource(BaseModel):
    title: str | None = ""
    url: str
    last_modified: str | None = ""


class _Dataset(BaseModel):
    resources: list[_Resource]


def _in_dataset(client: Client, how: Fetch) -> str:
    api = f"{DATAGOUV}/api/1/datasets/{how.dataset}/"
    try:
        resources = _Dataset.model_validate_json(client.text(api)).resources
    except ValidationError as error:
        raise FetchError(f"{api}: the answer is not a dataset ({error.errors()[0]['msg'][:120]})") from None
    found = [r for r in resources if re.search(how.pattern, f"{r.title}\n{r.url}", re.IGNORECASE)]
    if not found:
        titles = ", ".join(str(r.title) for r in resources)
        raise FetchError(f"{api}: no resource like {how.pattern!r} among {len(resources)}: {titles[:400]}")
    return max(found, key=lambda r: (r.last_modified or "")[:19]).url


# --- bytes -------------------------------------------------------------------------------------------


def _bring(client: Client, order: Order, url: str, name: str, raw: Path, manifest: dict[str, Record]) -> Outcome:
    """Download what is new, check it, put it in its place, record it."""
    folder, key = raw / order.source.id, f"{order.source.id}/{name}"
    target = folder / name
    known = manifest.get(key)
    if known and not (known.url == url and target.is_file() and _sha256(target) == known.sha256):
        known = None  # lost, changed by hand, or from elsewhere: ask for all of it
    part = Part(client, url, target, order.label)
    headers = part.complete(known.etag, known.last_modified) if known else part.complete()
    if headers is None:
        told = "" if editions_of(target, order.source) else _NAMELESS
        return Outcome(order.label, "unchanged", name, target.stat().st_size, told)
    came = folder / _INCOMING / name  # under its own name, by which its editions are known
    try:
        check_content(part.path, name, headers.get("Content-Type", ""))
        came.parent.mkdir(exist_ok=True)
        part.path.replace(came)
        found = [i.edition.id for i in check_arrival(came, target, order.source)]
    except FetchError as error:
        _clear(came)
        part.drop()
        raise FetchError(f"{url}: {error}") from None
    edition = order.edition.id if order.edition and order.edition.id in found else next(iter(found), "")
    messages = [] if found else [_NAMELESS]
    digest, size = _sha256(came), came.stat().st_size
    same = target.is_file() and _sha256(target) == digest
    if target.is_file() and not same:
        before = manifest.get(key)
        kept = keep_old(target, before.fetched.date() if before else None)
        messages.append(f"the earlier file is kept in {kept.parent.name}/")
        if before:
            manifest[f"{order.source.id}/{kept.parent.name}/{name}"] = before
    # pooch leaves a file of this digest alone, else verifies the new one and renames it into place.
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(url, f"sha256:{digest}", name, folder, downloader=lambda _, scratch, __: came.replace(scratch))
    except ValueError as error:
        raise FetchError(f"{url}: {error}") from None
    part.drop()
    _clear(came)
    manifest[key] = Record(
        source=order.source.id, edition=edition, url=url, sha256=digest, bytes=size,
        fetched=dt.datetime.now(dt.UTC).replace(microsecond=0),
        etag=headers.get("ETag", ""), last_modified=headers.get("Last-Modified", ""),
    )  # fmt: skip
    _write_manifest(raw, manifest)
    return Outcome(order.label, "unchanged" if same else "fetched", name, size, "; ".join(messages))


def _clear(came: Path) -> None:
    """Leave nothing of what came, nor the hidden folder unless an attempt that was killed left another file there."""
    came.unlink(missing_ok=True)
    if came.parent.is_dir() and not any(came.parent.iterdir()):
        came.parent.rmdir()


# --- the record --------------------------------------------------------------------------------------


def _read_manifest(raw: Path) -> dict[str, Record]:
    file = raw / MANIFEST
    if not file.exists():
        return {}
    try:
        content: Any = json.loads(file.read_text("utf-8"))
        return {key: Record.model_validate(value) for key, value in content["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise FetchError(
            f"{MANIFEST} in the folder of raw files is damaged: remove it, the files will be fetched again"
        ) from None


def _write_manifest(raw: Path, manifest: Mapping[str, Record]) -> None:
    files = {key: manifest[key].model_dump(mode="json") for key in sorted(manifest)}
    write_atomically(raw / MANIFEST, json.dumps({"files": files}, ensure_ascii=False, indent=1) + "\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _alone(raw: Path) -> Iterator[None]:
    """Keep a second fetch out of the same folder: both would write the same hidden files."""
    raw.mkdir(parents=True, exist_ok=True)
    with (raw / ".fetch.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FetchError("another fetch into the folder of raw files is running: wait for it") from None
        yield
