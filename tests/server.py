"""A server on loopback that gives what it is told to, and a bench to fetch from it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from qpv.catalog import Source
from qpv.download import Settings
from qpv.fetch import Order, Outcome, fetch

HOSTS = ["https://files.example.fr", "https://www.data.gouv.fr", "https://www.insee.fr", "https://data.education.gouv.fr"]
TABLE = b"CODGEO;LIBGEO;TP60\r\n" + b"".join(b"QP%06d;Quartier %d;42,1\r\n" % (n, n) for n in range(2000))
PAGE = b"<!DOCTYPE html><html><body>Maintenance en cours</body></html>"
OLD = b"CODGEO;TP60\r\nQP062001;40,2\r\n"


@dataclass
class Answer:
    """What the server says to one request; with an ETag it also understands ranges and conditions."""

    body: bytes = TABLE
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = ""
    cut: int | None = None  # close the connection after so many bytes
    delay: float = 0.0  # seconds before the body
    length: bool = True  # say how long the body is


@dataclass
class Site:
    """A server on loopback: answers by path, in turn, the last one for ever; and what it was asked."""

    server: ThreadingHTTPServer
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def say(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def headers(self, path: str) -> list[dict[str, str]]:
        return [headers for asked, headers in self.asked if urlsplit(asked).path == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        self.site.asked.append((self.path, {k.title(): v for k, v in self.headers.items()}))
        turns = self.site.answers.get(urlsplit(self.path).path, [Answer(b"", 404)])
        answer = turns.pop(0) if len(turns) > 1 else turns[0]
        status, body, headers = answer.status, answer.body, {"Content-Type": "text/csv", **answer.headers}
        if answer.etag:
            headers["ETag"] = answer.etag
            if self.headers.get("If-None-Match") == answer.etag:
                status, body = 304, b""
            elif self.headers.get("Range") and self.headers.get("If-Range") == answer.etag:
                start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                status, body = 206, body[start:]
        self.send_response(status)
        if answer.length and status != 304:
            headers["Content-Length"] = str(len(body))
        if answer.cut is not None or not answer.length:
            headers["Connection"] = "close"
            self.close_connection = True
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        time.sleep(answer.delay)
        try:
            self.wfile.write(body[: answer.cut])
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving() -> Iterator[Site]:
    handler = type("Bound", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.site = Site(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield handler.site
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Bench:
    """A folder of raw files, the server, and the seconds that were waited."""

    site: Site
    raw: Path
    settings: Settings
    waited: list[float]

    def fetch(self, how: dict[str, object], settings: Settings | None = None, **source: object) -> Outcome:
        """Fetch one file of the source ``insee_x``."""
        (outcome,) = fetch([order(how, **source)], self.raw, settings or self.settings)
        return outcome

    def file(self, name: str = "table.csv") -> Path:
        return self.raw / "insee_x" / name

    def manifest(self) -> dict[str, dict[str, object]]:
        return json.loads((self.raw / "manifest.json").read_text("utf-8"))["files"]

    def but(self, **changes: object) -> Settings:
        return Settings(**{**vars(self.settings), **changes})  # type: ignore[arg-type]


def bench_at(site: Site, folder: Path) -> Bench:
    """Give a bench with a server that has forgotten what it was told and asked."""
    site.answers.clear()
    site.asked.clear()
    waited: list[float] = []
    settings = Settings(origins=dict.fromkeys(HOSTS, site.origin), timeout=(2.0, 2.0), sleep=waited.append)
    return Bench(site, folder / "raw", settings, waited)


@pytest.fixture(scope="session")
def running() -> Iterator[Site]:
    """The server, running."""
    with serving() as site:
        yield site


@pytest.fixture
def bench(running: Site, tmp_path: Path) -> Bench:
    """A bench of its own, with a server that knows nothing yet."""
    return bench_at(running, tmp_path)


def order(how: dict[str, object], files: str = r"table\.csv") -> Order:
    edition = {"id": "insee_x_2022", "files": files, "published": "2022-12-31"}
    source = Source.model_validate(
        {
            "id": "insee_x", "producer": "Insee", "dataset": "Revenus", "landing_page": "https://www.insee.fr/",
            "licence": "Licence Ouverte 2.0", "tier": "read", "reader": "wide_table", "editions": [edition], "fetch": how,
        }
    )  # fmt: skip
    assert source.fetch
    return Order(source, None, source.fetch)


DIRECT: dict[str, object] = {"kind": "direct", "url": "https://files.example.fr/table.csv"}
DATASET: dict[str, object] = {"kind": "datagouv", "dataset": "quartiers", "pattern": "liste.*csv"}
INSEE: dict[str, object] = {"kind": "insee", "page": "8243167", "pattern": r"qp24.*_csv\.zip"}


def dataset(*resources: tuple[str, str, str]) -> Answer:
    content = [{"title": t, "url": u, "last_modified": m, "format": "csv"} for t, u, m in resources]
    return Answer(json.dumps({"id": "x", "resources": content}).encode(), headers={"Content-Type": "application/json"})


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
