"""The kinds of field that catalogue entries are made of."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from qpv.numbers import french_spacing


class Entry(BaseModel):
    """An entry that refuses unknown keys and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _compiles(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=80)]
Text = Annotated[str, Field(min_length=3)]
#: A text that readers see: French, spaced as French typography wants it.
French = Annotated[str, Field(min_length=3), AfterValidator(french_spacing)]
#: A regular expression that compiles.
Regex = Annotated[str, AfterValidator(_compiles)]
