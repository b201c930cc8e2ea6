"""What the tests of files that people write share: every fault is told, with its place and what was expected."""

from __future__ import annotations

from collections.abc import Sequence


def check_told(error: BaseException, folder: str, expected: Sequence[tuple[str, str]]) -> None:
    """Check that an error tells these faults of the files in a folder and no other: how each begins, and what it says."""
    told = [line.removeprefix(f"{folder}/") for line in str(error).split("\n")]
    for start, said in expected:
        assert any(t.startswith(start) and said in t for t in told), (start, told)
    assert len(told) == len(expected), told
