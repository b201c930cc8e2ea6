"""Downloading one file: redirects, attempts, resumption, and checks of what came.

Nothing here knows the catalogue.  Bytes go to a hidden file beside their place; who calls renames it
once :func:`check_content` finds it good.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions as beneath

from qpv.atomic import write_atomically
from qpv.errors import FetchError

T = TypeVar("T")
#: Told a label, the bytes so far, and the bytes in all where the server says.
Progress = Callable[[str, int, int | None], None]

#: Insee answers 403 to a client that does not look like a browser.
_USER_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_PAGE_BYTES: Final = 20_000_000  # no page or API answer comes near it
_REDIRECTS: Final = 8
#: What says that a host cannot be reached at all, rather than that it failed once.
_DOWN: Final = (beneath.NewConnectionError, beneath.ConnectTimeoutError, beneath.ProxyError)


@dataclass(frozen=True)
class Settings:
    """How to fetch.  ``origins`` puts one host in the place of another, as a mirror: only these may lack TLS."""

    origins: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 4
    back_off: float = 1.0  # seconds before the second attempt, doubled for each further one
    longest_wait: float = 120.0  # a server that asks for more is left for later
    timeout: tuple[float, float] = (15.0, 60.0)  # seconds to connect; without a byte
    deadline: float = 3600.0  # seconds for one file
    max_bytes: int = 1_500_000_000
    sleep: Callable[[float], None] = time.sleep


# --- asking ------------------------------------------------------------------------------------------


class TryAgainError(Exception):
    """It may work later; ``wait`` is what the server asks for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Client:
    """One session: redirects, attempts, and the hosts that do not answer."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.settings, self.progress = settings, progress
        self._unreachable: set[str] = set()
        self._session = requests.Session()  # honours HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE
        self._session.headers.update({"User-Agent": _USER_AGENT, "Accept-Language": "fr", "Accept-Encoding": "identity"})

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def text(self, url: str) -> str:
        """Give a page or an API's answer."""

        def read() -> str:
            with self.ask(url) as answer:
                content = b""
                for chunk in answer.iter_content(1 << 16):
                    content += chunk
                    if len(content) > _PAGE_BYTES:
                        raise FetchError(f"{url}: larger than {_PAGE_BYTES:,} bytes for a page")
                return content.decode("utf-8", "replace")

        return self.attempt(url, read)

    def attempt(self, url: str, action: Callable[[], T]) -> T:
        """Do an action, again where that may help, after longer and longer waits.

        Raises
        ------
        FetchError
            If the last attempt failed, the server asks for too long a wait, or its host was found unreachable.
        """
        host = urlsplit(self._allowed(url)).netloc
        for number in range(self.settings.attempts):
            if host in self._unreachable:
                raise FetchError(f"{url}: no connection to {host}")
            try:
                return action()
            except TryAgainError as error:
                reason, wait = str(error), error.wait
            except requests.RequestException as error:
                reason, wait = self._explain(url, error, last=number + 1 == self.settings.attempts), None
            wait = self.settings.back_off * 2**number if wait is None else wait
            if wait > self.settings.longest_wait:
                raise FetchError(f"{url}: {reason}; the server asks to wait {wait:.0f} s: try again later")
            if number + 1 < self.settings.attempts:
                self.settings.sleep(wait)
        raise FetchError(f"{url}: {reason}")

    def _explain(self, url: str, error: requests.RequestException, last: bool) -> str:
        """Say what went wrong, or raise where another attempt cannot help."""
        first = error.args[0] if error.args else error
        cause = getattr(first, "reason", first)
        host = urlsplit(getattr(error.request, "url", None) or url).netloc  # a redirect may lead elsewhere
        words = re.sub(r"\w*\([^()]*\): |<[^>]*>:? ?", "", str(cause)).strip()[:160]
        if isinstance(error, requests.Timeout) and not isinstance(error, requests.ConnectTimeout):
            return f"no answer within {self.settings.timeout[1]:g} s"
        if isinstance(cause, beneath.ReadTimeoutError):
            return f"no further byte within {self.settings.timeout[1]:g} s"
        if isinstance(cause, _DOWN):
            proxy = isinstance(getattr(cause, "original_error", None), beneath.NewConnectionError)
            if last or proxy or isinstance(cause, beneath.NameResolutionError):
                self._unreachable.add(host)  # the other files of this host need not wait as long
                raise FetchError(f"{url}: no connection to {host}; check network and proxy ({words})")
            return f"no connection to {host}"
        if isinstance(error, requests.exceptions.SSLError):
            raise FetchError(f"{url}: no secure connection to {host} ({words})")
        if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
            return f"the connection was cut ({words})"
        raise FetchError(f"{url}: cannot be asked for ({words})")

    def ask(self, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Open an address and follow its redirects: 200 whole; with ``headers`` also 206, 304 or 416."""
        good = (200, 206, 304, 416) if headers else (200,)
        for _ in range(_REDIRECTS):
            url = self._allowed(url)
            try:
                answer = self._session.get(
                    url, headers=headers, stream=True, allow_redirects=False, timeout=self.settings.timeout
                )
            except requests.RequestException:
                raise
            except ValueError as error:  # requests reads where a redirect leads even if it is not to follow
                raise FetchError(f"{url}: redirects to no address ({error})") from None
            if answer.status_code in good:
                return answer
            answer.close()
            if not answer.is_redirect:
                raise _refusal(url, answer)
            url = urljoin(url, answer.headers["Location"])
        raise FetchError(f"{url}: more than {_REDIRECTS} redirects")

    def _allowed(self, url: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise FetchError(f"{url}: not an https address") from None
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin in self.settings.origins.values():
            return url
        if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
            raise FetchError(f"{url}: not an https address")
        return self.settings.origins.get(origin, origin) + url.removeprefix(origin)


def _refusal(url: str, answer: requests.Response) -> Exception:
    code, text = answer.status_code, f"the server answers {answer.status_code} {answer.reason or ''}".rstrip()
    if code in (429, 500, 502, 503, 504):
        return TryAgainError(text, _retry_after(answer.headers.get("Retry-After", "")))
    hint = {403: "; it refuses automatic downloads", 404: "; the file has moved", 410: "; the file is gone"}.get(code, "")
    return FetchError(f"{url}: {text}{hint}")


def _retry_after(value: str) -> float | None:
    """Read seconds or a date; ``None`` where there is neither."""
    if value.strip().isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, (date - dt.datetime.now(date.tzinfo)).total_seconds())


# --- bytes -------------------------------------------------------------------------------------------


class Part:
    """The hidden beginning of a file, and the mark by which its server knows which file it began."""

    def __init__(self, client: Client, url: str, place: Path, label: str) -> None:
        self.path, self._mark = place.with_name(f".{place.name}.part"), place.with_name(f".{place.name}.part.json")
        self._client, self._url, self._label = client, url, label
        self._end = time.monotonic() + client.settings.deadline

    def drop(self) -> None:
        """Forget the beginning."""
        self.path.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)

    def complete(self, etag: str = "", last_modified: str = "") -> Mapping[str, str] | None:
        """Download what is missing; give the answer's headers, or ``None`` if the file of these marks is the current one.

        Raises
        ------
        FetchError
            If the file cannot be had, is too large or too slow; what came is kept for the next time.
        """
        return self._client.attempt(self._url, lambda: self._once(etag, last_modified))

    def _once(self, etag: str, last_modified: str) -> Mapping[str, str] | None:
        start, validator = self._begun()
        ask = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        if start:
            ask = {"Range": f"bytes={start}-", "If-Range": validator}
        with self._client.ask(self._url, {name: value for name, value in ask.items() if value}) as answer:
            if answer.status_code == 304 and not start:
                return None
            if answer.status_code == 206 and start:
                span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
                if not span or int(span[1]) != start:
                    self.drop()
                    raise TryAgainError("the server resumed at another place", 0.0)
                total: int | None = int(span[2])
            elif answer.status_code == 200:
                self.drop()
                start, total = 0, _length(answer)
                self._write_mark(answer)
            else:
                self.drop()
                raise TryAgainError(f"the server answers {answer.status_code} unasked", 0.0)
            self._append(answer, start, total)
            return dict(answer.headers)

    def _append(self, answer: requests.Response, done: int, total: int | None) -> None:
        settings = self._client.settings
        if (total or 0) > settings.max_bytes:
            raise FetchError(f"{self._url}: {total:,} bytes, larger than {settings.max_bytes:,}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as stream:
            self._client.progress(self._label, done, total)
            for chunk in answer.iter_content(1 << 14):
                done += len(chunk)
                if done > settings.max_bytes:
                    self.drop()
                    raise FetchError(f"{self._url}: larger than {settings.max_bytes:,} bytes")
                stream.write(chunk)
                self._client.progress(self._label, done, total)
                if time.monotonic() > self._end:
                    raise FetchError(f"{self._url}: not whole after {settings.deadline:g} s; the next fetch goes on from here")
        if total is not None and done != total:
            raise TryAgainError(f"the connection was cut at {done:,} of {total:,} bytes")

    def _begun(self) -> tuple[int, str]:
        try:
            mark = json.loads(self._mark.read_text("utf-8"))
            if mark["url"] == self._url and mark["validator"]:
                return self.path.stat().st_size, str(mark["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, ""  # nothing begun, or nothing that can be relied on: from the start
        return 0, ""

    def _write_mark(self, answer: requests.Response) -> None:
        etag = answer.headers.get("ETag", "")
        validator = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
        if not answer.headers.get("Content-Encoding"):
            write_atomically(self._mark, json.dumps({"url": self._url, "validator": validator}))


def _length(answer: requests.Response) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and not answer.headers.get("Content-Encoding") else None


#: How a file of each kind begins.
_MAGIC: Final = {
    "zip": b"PK",
    "xlsx": b"PK",
    "xls": b"\xd0\xcf\x11\xe0",
    "gpkg": b"SQLite format 3\0",
    "parquet": b"PAR1",
    "gz": b"\x1f\x8b",
}


def check_content(path: Path, name: str, content_type: str = "") -> None:
    """Check that a file is whole and of the kind that its name says, as far as its two ends tell.

    Raises
    ------
    FetchError
        If it is empty, a web page or an error message, cut, or of another kind.
    """
    kind = name.rpartition(".")[2].lower()
    with path.open("rb") as stream:
        head = stream.read(4096)
        stream.seek(max(0, path.stat().st_size - 64))
        tail = stream.read()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise FetchError(f"{name}: the file that came is empty")
    if text[:1] == b"<" or "html" in content_type:
        raise FetchError(f"{name}: a web page came instead of the file ({text[:60].decode('utf-8', 'replace')!r})")
    if kind in _MAGIC and not head.startswith(_MAGIC[kind]):
        raise FetchError(f"{name}: what came is no {kind} file (it begins with {head[:8]!r})")
    if kind in ("zip", "xlsx") and not zipfile.is_zipfile(path):
        raise FetchError(f"{name}: the archive that came is cut or damaged")
    if kind == "parquet" and not tail.endswith(b"PAR1"):
        raise FetchError(f"{name}: the file that came is cut")
    if kind == "geojson" and not (text[:1] == b"{" and tail.rstrip().endswith(b"}")):
        raise FetchError(f"{name}: what came is no whole GeoJSON object")
    if kind == "csv" and (text[:1] in b"{[" or b"\0" in head or not re.search(rb"[;,\t|]", text.splitlines()[0])):
        raise FetchError(f"{name}: what came is no table (it begins with {text[:60].decode('utf-8', 'replace')!r})")
