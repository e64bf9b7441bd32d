"""Which build of torch fits: read from what nvidia-smi prints."""

import os

import pytest

from core.installation import engine_plan, package_download, torch_index
from core.installation.graphics_card import GraphicsCard, find_card, list_builds, parse_card
from core.installation.package_download import PackageFile
from core.progress import Reporter


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


@pytest.mark.skipif(os.name == "nt", reason="the program is a shell script")
@pytest.mark.parametrize(
    ("script", "card"),
    [
        ("echo '570.1, NVIDIA L4'", GraphicsCard("NVIDIA L4", 570)),
        ("echo 'couldn’t communicate with the driver'; exit 9", None),
    ],
)
def test_the_driver_is_asked(tmp_path, monkeypatch, script, card):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_card() == card


CPU = [PackageFile("torch", "2.13.0+cpu", "https://h/a.whl", "0" * 64)]
CUDA = [
    PackageFile("torch", "2.13.0", "https://h/a.whl", "0" * 64),
    PackageFile("nvidia-cublas", "13", "https://h/b.whl", ""),
]


@pytest.mark.parametrize(
    ("files", "card", "words"),
    [
        (CPU, None, []),
        (CUDA, None, ["of no use without", "no checksum"]),
        (CUDA, GraphicsCard("L4", 580), ["no checksum"]),
        (CPU, GraphicsCard("L4", 580), ["does not use the card L4"]),
        (CPU, GraphicsCard("K80", 470), ["does not use", "too old"]),
    ],
)
def test_what_is_told_of_a_build_that_does_not_fit(monkeypatch, files, card, words):
    monkeypatch.setattr(engine_plan, "_resolve", lambda *_arguments: tuple(files))
    monkeypatch.setattr(package_download, "find_size", lambda _file: 1)
    monkeypatch.setattr(torch_index, "find_index", lambda *_arguments: "")
    monkeypatch.delenv(engine_plan.INDEX_VARIABLE, raising=False)
    notes = engine_plan.make_plan(Reporter(), ["torch"], card).notes
    assert len(notes) == len(words) and all(word in note for word, note in zip(words, notes, strict=True))
    assert [engine_plan.INDEX_VARIABLE in note for note in notes[:1]] == [word != "no checksum" for word in words[:1]]
