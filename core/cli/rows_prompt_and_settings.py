"""What the commands that train or ask share: the system prompt of the rows, and hyperparameters."""

import argparse
import json
import sqlite3
from collections.abc import Callable

from core.cli.console import Arguments
from core.cli.streams import print_message
from core.dataset import row_system_prompts
from core.dataset.row_system_prompts import PromptUse
from core.language import tr
from core.spec import spec
from core.storage.project import Project


def read_setting(text: str) -> tuple[str, object]:
    """The name and value of a hyperparameter; whether the server has it is checked before the job is sent."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(tr("“{text}” is not possible here: {range}", text=text, range="NAME=VALUE"))
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


async def agree_on_prompt(
    arguments: Arguments, document: Project, find: Callable[[sqlite3.Connection], PromptUse | None]
) -> None:
    """Print that the project's system prompt is not that of the rows, or use theirs with `--rows-prompt`."""
    found = await document.read(find)
    if found is None:
        return
    if arguments.rows_prompt and found.is_offered:
        await document.write(tr("Use the rows’ prompt"), row_system_prompts.use_prompt, found.prompt)
        return
    wanted = (await document.read(spec.load)).system_prompt
    offer = [tr("“--rows-prompt” uses the rows' prompt.")] if found.is_offered else []
    print_message(" ".join([row_system_prompts.describe_difference(found, wanted), *offer]))
