"""Look up the pinned versions among known vulnerabilities, with pip-audit in an environment of its own.

Exit codes: 0 none is known, 1 some are, 3 not all could be looked up.  A version that the database does not know has not
been looked up: pip-audit itself would call that "no known vulnerabilities".
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
NOT_ASKED = "the database of vulnerabilities could not be asked: nothing was looked up"


def verdict(report: str) -> tuple[int, list[str]]:
    """Give the exit code and what is said of a report of pip-audit (``--format json``)."""
    try:
        found = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 3, [NOT_ASKED]
    skipped = [d["name"] for d in found if "skip_reason" in d]
    if len(skipped) == len(found):
        return 3, [NOT_ASKED]
    known = [f"{d['name']} {d['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'no release'}"
             for d in found for v in d.get("vulns", [])]  # fmt: skip
    said = [*known, f"{len(found) - len(skipped)} versions looked up, {len(known)} known vulnerabilities"]
    if skipped:
        said.append(f"not looked up: {', '.join(skipped)}")
    return (1 if known else 3 if skipped else 0), said


def main() -> int:
    """Install pip-audit aside, ask it, say what it found."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        quiet = ["--quiet", "--disable-pip-version-check"]
        if subprocess.run([python, "-m", "pip", "install", *quiet, "pip-audit"], check=False).returncode:
            print("pip-audit could not be installed: nothing was looked up", file=sys.stderr)
            return 3
        asked = [
            python,
            "-m",
            "pip_audit",
            "--disable-pip",
            "--no-deps",
            "--progress-spinner",
            "off",
            "--format",
            "json",
            "-r",
            LOCK,
        ]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    code, said = verdict(done.stdout)
    print("\n".join(said), file=sys.stderr if code == 3 else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
