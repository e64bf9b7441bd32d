"""What torch's libraries read from the environment, and how much memory there is."""

import os
import subprocess
import sys

import psutil
import pytest

from core.engine.models import device

# Products with ever new numbers of tokens, as batches have them; prints by how many megabytes the process grew.
GROWTH = """
import psutil, torch
weight = torch.ones(1536, 576, dtype=torch.bfloat16)
def multiply(sizes):
    for size in sizes:
        torch.nn.functional.linear(torch.ones(size, 576, dtype=torch.bfloat16), weight)
    return psutil.Process().memory_info().rss >> 20
print(-multiply(range(1, 40)) + multiply(range(40, 440)))
"""


def measure_growth(before: str) -> int:
    mine = {name: value for name, value in os.environ.items() if name not in device.ENVIRONMENT}
    return int(subprocess.check_output([sys.executable, "-c", before + GROWTH], env=mine, text=True))


def test_memory_does_not_grow_with_each_new_number_of_tokens():
    grown = measure_growth("")
    if grown < 100:
        pytest.skip("this processor's products are not kept")
    assert measure_growth("import core.engine.models.device\n") < grown / 2


def test_a_training_process_has_it_before_torch_is_loaded():
    code = "import os, sys, core.engine.training.train, core.engine.inference.worker; print('torch' in sys.modules, dict(os.environ))"
    loaded, _, found = subprocess.check_output([sys.executable, "-c", code], text=True).partition(" ")
    assert loaded == "False" and all(repr(name) in found for name in device.ENVIRONMENT)


def test_the_memory_of_a_container_counts_as_all_there_is(tmp_path, monkeypatch):
    whole = int(psutil.virtual_memory().total)
    monkeypatch.setattr(device, "CONTAINER", tmp_path)
    assert device.total_ram_bytes() == whole  # no container
    for limit, expected in (("max", whole), ("1000", 1000)):
        (tmp_path / "memory.max").write_text(limit)
        assert device.total_ram_bytes() == expected
