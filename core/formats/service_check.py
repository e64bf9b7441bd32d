"""Checks a file for one service: the problems of the file, without those that the service does not mind, and its own rules."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from core import formats
from core.checks import Problem, service_rules
from core.formats import input_files
from core.formats.check_file import CountedProblems, check_rows
from core.formats.file_problems import find_file_problems
from core.formats.reading_options import DETECTED, ReadingOptions
from core.progress import Reporter


def check_for(path: Path, service: str, reporter: Reporter, options: ReadingOptions = DETECTED) -> CountedProblems:
    """Yield the problems of `path` for a service of `service_rules.load()`, as `formats.check_file` does."""
    path = formats.resolve(path)
    rules = service_rules.load()[service]
    detected = formats.detect(path, options)
    if detected.format not in rules.forms:
        formats.require_sure(detected, options.columns)
    count = 0

    def check_row(text: str) -> Iterator[Problem]:
        nonlocal count
        count += 1
        yield from service_rules.check(json.loads(text), rules, detected.format in rules.forms)

    rows = formats.read_detected(path, detected, reporter, options)
    is_taken = rules.arrays and detected.layout.name == "array"
    of_file = ((0, one) for one in find_file_problems(detected) if not (is_taken and one.rule == "not-json-lines"))
    for line, found in chain(of_file, check_rows(rows, detected.encoding, check_row)):
        if detected.format in rules.forms and found.rule == "form-unsupported":
            count += 1  # a row of a form that only the service can train on
        if judged := service_rules.judge(found, rules, detected.format):
            yield line, judged
    for found in service_rules.check_file(count, input_files.get_size(path), detected.encoding == "utf-8-sig", rules):
        yield 0, found
    return count
