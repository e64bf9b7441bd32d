"""What a chat model can be asked for: one line for each task of an inquiry."""

from core import generation, golden, judging, link_asking, probing, refining, remaking
from core.inquiries import Task

TASKS: dict[str, Task] = {
    "examples": generation.TASK,
    "judge": judging.TASK,
    "probe": probing.TASK,
    "facts": refining.TASK,
    "links": link_asking.TASK,
    "remake": remaking.TASK,
    golden.GOLDEN: golden.TASK,
}
