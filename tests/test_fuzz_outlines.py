"""Damaged outlines and points: no border moves, and no place is lost or invented."""

from __future__ import annotations

import json
import random
import shutil
import struct
import zlib
from collections import Counter
from pathlib import Path

import pytest
from damages import (
    HOSTILE,
    MADE,
    OUTLINES,
    SHAPES,
    Read,
    changed_bytes,
)
from qpv.sources import Delivery

pytestmark = pytest.mark.usefixtures("no_hang")


# --- outlines and points as GeoJSON --------------------------------------------------------------


def places_of(delivery: Delivery) -> dict[str, tuple[object, ...]]:
    """What is said of each place: name, communes, point, and the outline in WKB."""
    found: dict[str, tuple[object, ...]] = {}
    for t in delivery.territories.itertuples():
        found[t.code] = (t.name, t.communes, t.aliases, t.longitude, t.latitude)
    if delivery.geometry is not None:
        for code, shape in zip(delivery.geometry["code"], delivery.geometry.geometry, strict=True):
            found[code] = (*found.get(code, ()), shape.wkb)
    return found


def feature_lost(whole: dict, chance: random.Random) -> None:
    del whole["features"][chance.randrange(len(whole["features"]))]


def feature_empty(whole: dict, chance: random.Random) -> None:
    chance.choice(whole["features"])["geometry"] = None


def code_hostile(whole: dict, chance: random.Random) -> None:
    properties = chance.choice(whole["features"])["properties"]
    properties[chance.choice(list(properties))] = chance.choice([*HOSTILE, None, 12, "9" * 100_000])


def no_properties(whole: dict, chance: random.Random) -> None:
    for feature in whole["features"]:
        del feature["properties"][chance.choice(["code_qp", "code", "Code etablissement"]) or ""]


def order_changed(whole: dict, chance: random.Random) -> None:
    chance.shuffle(whole["features"])


def no_features(whole: dict, chance: random.Random) -> None:
    whole["features"] = []


def ring_of_two_points(whole: dict, chance: random.Random) -> None:
    chance.choice(whole["features"])["geometry"] = {"type": "Polygon", "coordinates": [[[1, 50], [2, 50]]]}


def far_away(whole: dict, chance: random.Random) -> None:
    chance.choice(whole["features"])["geometry"] = {"type": "Point", "coordinates": [1e300, -1e300]}


STRUCTURES = (feature_lost, feature_empty, code_hostile, code_hostile, order_changed, no_features, ring_of_two_points, far_away)
BYTES_OF_OUTLINES = 12


def features_by_code(content: bytes) -> Counter[str]:
    """Each feature as a text, so that an unaltered one can be told; empty when it is no JSON."""
    try:
        whole = json.loads(content)
        return Counter(json.dumps(f, sort_keys=True) for f in whole["features"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return Counter()


def code_in(feature: str) -> str:
    properties = json.loads(feature)["properties"]
    return str(next(properties[k] for k in ("code_qp", "code", "Code etablissement") if k in properties))


@pytest.mark.parametrize("edition", OUTLINES)
def test_damaged_outlines_move_no_border(edition: str, official: Path, tmp_path: Path, read_damaged: Read) -> None:
    item, chance = OUTLINES[edition], random.Random(zlib.crc32(edition.encode()))
    whole = json.loads(item.file.path.read_bytes())
    if "features" not in whole:
        whole = {"type": "FeatureCollection", "features": [whole]}
    whole["features"] = whole["features"][:: max(1, len(whole["features"]) // 12)][:12]
    path = tmp_path / item.file.path.name
    path.write_text(json.dumps(whole, ensure_ascii=False), "utf-8")
    content = path.read_bytes()
    delivery = read_damaged(item, path)
    assert delivery is not None
    intact, features = places_of(delivery), features_by_code(content)
    for damage in [None] * BYTES_OF_OUTLINES + list(STRUCTURES):
        if damage is None:
            path.write_bytes(changed_bytes(content, chance))
        else:
            other = json.loads(content)
            damage(other, chance)
            path.write_text(json.dumps(other, ensure_ascii=False), "utf-8")
        after = read_damaged(item, path)
        if after is None:
            assert damage is not order_changed
            continue
        assert damage not in (no_features, feature_empty, far_away), f"{damage.__name__} was read as if it were the file"
        found, left = places_of(after), features_by_code(path.read_bytes())
        unaltered = {code_in(f) for f in features if f in left}
        for code in unaltered & set(intact):
            assert found.get(code) == intact[code], f"{edition}: {code} was not altered"
    assert MADE[edition] >= 20


# --- shapefiles --------------------------------------------------------------------------------


def small_shapefile(source: Path, folder: Path, count: int) -> Path:
    """Write the first records of a shapefile, its parts together."""
    shp, shx, dbf = (source.with_suffix(s).read_bytes() for s in (".shp", ".shx", ".dbf"))
    last = struct.unpack(">ii", shx[100 + 8 * (count - 1) : 108 + 8 * (count - 1)])
    end = 2 * (last[0] + last[1]) + 8
    head, width = struct.unpack("<HH", dbf[8:12])
    path = folder / source.name
    path.write_bytes(shp[:24] + struct.pack(">i", end // 2) + shp[28:end])
    path.with_suffix(".shx").write_bytes(shx[:24] + struct.pack(">i", 50 + 4 * count) + shx[28 : 100 + 8 * count])
    path.with_suffix(".dbf").write_bytes(dbf[:4] + struct.pack("<I", count) + dbf[8 : head + width * count] + b"\x1a")
    shutil.copyfile(source.with_suffix(".prj"), path.with_suffix(".prj"))
    return path


@pytest.mark.parametrize("edition", SHAPES)
def test_a_damaged_shapefile_moves_no_border_of_an_unaltered_record(
    edition: str, official: Path, tmp_path: Path, read_damaged: Read
) -> None:
    item, chance, count = SHAPES[edition], random.Random(zlib.crc32(edition.encode())), 12
    path = small_shapefile(item.file.path, tmp_path, count)
    parts = {s: path.with_suffix(s).read_bytes() for s in (".shp", ".shx", ".dbf", ".prj")}
    delivery = read_damaged(item, path)
    assert delivery is not None
    intact = places_of(delivery)
    assert len(intact) == count
    head, width = struct.unpack("<HH", parts[".dbf"][8:12])
    for number in range(40):
        part = [".shp", ".shx", ".dbf", ".prj"][number % 4]
        damaged = bytearray(parts[part])
        at = chance.randrange(len(damaged))
        if number % 3 == 2:
            del damaged[at:]
        else:
            damaged[at] ^= 1 << chance.randrange(8)
        for suffix, content in parts.items():
            path.with_suffix(suffix).write_bytes(bytes(damaged) if suffix == part else content)
        after = read_damaged(item, path)
        if after is None:
            continue
        found = places_of(after)
        touched = touched_records(parts, part, at, number % 3 == 2, head, width, count) if part != ".prj" else set()
        for place, code in enumerate(intact):
            if place not in touched:
                assert found.get(code) == intact[code], f"{edition}, {part}, byte {at}: {code} was not altered"
    assert MADE[edition] >= 40


def touched_records(parts: dict[str, bytes], part: str, at: int, cut_there: bool, head: int, width: int, count: int) -> set[int]:
    """Which records have an altered byte; damage to a header touches none, and so may move nothing."""
    bounds = []
    for n in range(count):
        if part == ".dbf":
            bounds.append((head + width * n, head + width * (n + 1)))
        elif part == ".shx":
            bounds.append((100 + 8 * n, 108 + 8 * n))
        else:
            start, length = struct.unpack(">ii", parts[".shx"][100 + 8 * n : 108 + 8 * n])
            bounds.append((2 * start, 2 * (start + length) + 8))
    return {n for n, (low, high) in enumerate(bounds) if (at < high if cut_there else low <= at < high)}
