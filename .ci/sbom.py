"""Write what is installed for the observatory as a bill of materials: CycloneDX 1.5, JSON.

``python .ci/sbom.py FILE``: the library, what it needs, and what that needs, as the environment holds it, extras left out.
No date and no serial number are written: the same environment gives the same bytes.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "qpv-observatory"
#: Longer than this, the field holds a licence's whole text in place of its name.
NAME = 80


def needs(found: Distribution) -> list[str]:
    """Name what a distribution needs in this environment without its extras."""
    wanted = [Requirement(line) for line in found.requires or []]
    return sorted({canonicalize_name(r.name) for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})})


def installed(root: str) -> dict[str, Distribution]:
    """Give a distribution and all that it needs, by name; what is not installed is an error."""
    found: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = distribution(name)
            waiting += needs(found[name])
    return dict(sorted(found.items()))


def reference(name: str, found: Distribution) -> str:
    """Give the package URL of a distribution."""
    return f"pkg:pypi/{name}@{found.version}"


def licences(found: Distribution) -> list[dict[str, object]]:
    """Give the licence as the distribution states it: an SPDX expression, else a name, else its classifiers."""
    said = found.metadata
    if said.get("License-Expression"):
        return [{"expression": said["License-Expression"]}]
    name = (said.get("License") or "").strip()
    if name and len(name) <= NAME and "\n" not in name:
        return [{"license": {"name": name}}]
    classified = [c.rpartition(" :: ")[2] for c in said.get_all("Classifier") or [] if c.startswith("License :: ")]
    return [{"license": {"name": c}} for c in classified]


def bill(root: str = ROOT) -> dict[str, object]:
    """Give the bill of materials of a distribution."""
    parts = installed(root)
    refs = {name: reference(name, found) for name, found in parts.items()}
    components = [
        {"type": "library", "bom-ref": refs[name], "name": name, "version": found.version, "purl": refs[name], "licenses": licences(found)}
        for name, found in parts.items() if name != root
    ]  # fmt: skip
    main = {"type": "application", "bom-ref": refs[root], "name": root, "version": parts[root].version, "purl": refs[root]}
    graph = [{"ref": refs[name], "dependsOn": [refs[n] for n in needs(found)]} for name, found in parts.items()]
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": main}, "components": components,
        "dependencies": graph,
    }  # fmt: skip


if __name__ == "__main__":
    try:
        content = bill()
    except PackageNotFoundError as missing:
        sys.exit(f"not installed: {missing.name}; run 'make setup' first")
    Path(sys.argv[1]).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{sys.argv[1]}: {len(content['components'])} components")  # type: ignore[arg-type]
