"""Which build of torch fits: read from what nvidia-smi prints."""

import pytest

from core.installation.graphics_card import GraphicsCard, list_builds, parse_card


@pytest.mark.parametrize(
    ("lines", "card", "first"),
    [
        ("580.65.06, NVIDIA H200\n", GraphicsCard("NVIDIA H200", 580), "cu132"),
        ("550.54.15, NVIDIA A10\n550.54.15, NVIDIA A10\n", GraphicsCard("NVIDIA A10", 550), "cu129"),
        ("470.1, Tesla K80\n", GraphicsCard("Tesla K80", 470), "cpu"),
        ("NVIDIA-SMI has failed\n", None, "cpu"),
        ("", None, "cpu"),
    ],
)
def test_card_and_build(lines, card, first):
    assert parse_card(lines) == card
    builds = list_builds(card)
    assert builds[0] == first and builds[-1] == "cpu"
