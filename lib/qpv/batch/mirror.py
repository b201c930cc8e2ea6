"""A machine's own copy of a warehouse that lies in an object store."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from qpv.errors import WarehouseError
from qpv.warehouse import POINTER


def mirrored(address: str) -> Path:
    """Copy the build in use of a warehouse at an address that fsspec opens; once a machine, since a build never changes.

    Raises
    ------
    WarehouseError
        If there is none at the address.
    """
    import fsspec

    files, root = fsspec.core.url_to_fs(address)
    try:
        build = files.cat_file(f"{root}/{POINTER}").decode("ascii").split()[0]
    except (OSError, IndexError, UnicodeDecodeError) as error:
        raise WarehouseError(f"no warehouse at {address!r}: copy the whole folder there, with its file {POINTER!r}") from error
    if not build.isalnum():
        raise WarehouseError(f"{address!r}: {POINTER} names {build!r}, which is no build")
    place = Path(tempfile.gettempdir()) / f"qpv-{os.getuid()}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"
    copy: Path = place / build
    if not (copy / "meta.json").exists():
        place.mkdir(mode=0o700, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=place))
        files.get(f"{root}/{build}/", f"{scratch}/", recursive=True)
        try:
            scratch.rename(copy)
        except OSError:  # another worker of this machine was sooner: its copy is the same
            shutil.rmtree(scratch)
    return copy
