"""What a chat model can be asked for: one line for each task of an inquiry."""

from core import generation, golden, judging, probing, refining
from core.inquiries import Task

TASKS: dict[str, Task] = {
    "examples": generation.TASK,
    "judge": judging.TASK,
    "probe": probing.TASK,
    "facts": refining.TASK,
    golden.GOLDEN: golden.TASK,
}
