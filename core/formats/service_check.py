"""Checks a file for one service: the problems of the file, without those that the service does not mind, and its own rules."""

import json
from collections.abc import Iterator
from pathlib import Path

from core import formats
from core.checks import Problem, service_rules
from core.formats import input_files
from core.formats.reading_options import DETECTED, ReadingOptions
from core.progress import Reporter


def check_for(
    path: Path, service: str, reporter: Reporter, options: ReadingOptions = DETECTED
) -> Iterator[tuple[int, Problem]]:
    """Yield the problems of `path` for a service of `service_rules.load()`, as `formats.check_file` does."""
    path = formats.resolve(path)
    rules = service_rules.load()[service]
    detected = formats.detect(path, options)
    unimportant = {"too-few-rows"}
    if detected.format in rules.forms:
        unimportant |= {"form-other", "old-format", "form-unsupported"}
    if rules.byte_order_mark:
        unimportant.add("encoding-bom")
    for line, found in formats.check_file(path, reporter, options):
        if found.rule not in unimportant:
            yield line, found
    count = 0
    for row in formats.read(path, reporter, options):
        if row.text is not None:
            count += 1
            for found in service_rules.check(json.loads(row.text), rules):
                yield row.line.number, found
    for found in service_rules.check_file(count, input_files.get_size(path), detected.encoding == "utf-8-sig", rules):
        yield 0, found
