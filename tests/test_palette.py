"""Colours that stand side by side are told apart by readers of every kind of colour vision."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from qpv import maps
from qpv.site import atlas

#: Machado, Oliveira and Fernandes (2009), severity 1: linear RGB as a dichromat sees it.
SEEN = {
    "all three cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
#: Colours of one map; the outline of this QPV is among them.
TOGETHER = {
    "classes of a map": (*maps.CLASSES, maps.OWN_STROKE),
    "states of briefs": tuple(colour for colour, _ in atlas._COLOURS.values()),
    "this QPV and the others": ("#0b5fa5", "#9db4c8", maps.OWN_STROKE),
}
#: ΔE of 1976; 2.3 is what an eye just notices of two patches that touch.
APART = 10.0


def lab(colour: str, matrix: object) -> np.ndarray:
    """Give CIELAB (D65) of an sRGB colour as seen."""
    srgb = np.array([int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(matrix) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = to_xyz @ seen / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", SEEN)
@pytest.mark.parametrize("set_", TOGETHER)
def test_colours_of_one_map_are_apart(vision: str, set_: str) -> None:
    near = {
        pair: round(float(np.linalg.norm(lab(pair[0], SEEN[vision]) - lab(pair[1], SEEN[vision]))), 1)
        for pair in combinations(TOGETHER[set_], 2)
    }
    assert {pair: distance for pair, distance in near.items() if distance < APART} == {}


@pytest.mark.parametrize("vision", SEEN)
def test_classes_get_darker_one_by_one_and_grey_is_none_of_them(vision: str) -> None:
    lightness = [lab(colour, SEEN[vision])[0] for colour in maps.CLASSES]
    assert all(a - b >= 6 for a, b in pairwise(lightness))
    grey = lab(maps.NO_VALUE, SEEN[vision])
    assert min(np.linalg.norm(grey - lab(c, SEEN[vision])) for c in maps.CLASSES) >= 6
