"""What a chat model can be asked for: one line for each task of an LLM run."""

from core.generation import (
    fact_links_from_model,
    fact_refining,
    knowledge_probe,
    recorded_answers,
    row_generation,
    row_judging,
    row_remaking,
)
from core.generation.llm_runs import LlmTask

TASKS: dict[str, LlmTask] = {
    "examples": row_generation.TASK,
    "judge": row_judging.TASK,
    "probe": knowledge_probe.TASK,
    "facts": fact_refining.TASK,
    "links": fact_links_from_model.TASK,
    "remake": row_remaking.TASK,
    recorded_answers.TASK_NAME: recorded_answers.TASK,
}
