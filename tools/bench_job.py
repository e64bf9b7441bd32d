"""One job of the engine, without the engine around it; the arguments and the output are those of `bench_trl.py`."""

import argparse
import json
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.engine.models import catalog


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("output", type=Path)
    for name in ("epochs", "batch-size", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    arguments = parser.parse_args()
    from core.engine.training.train import Trainer, TrainingArguments

    entry = catalog.load_catalog()[arguments.model.name]
    plan = TrainingArguments(
        method="supervised",
        base=str(arguments.model),
        parent=None,
        context_length=entry.context_length,
        supports_tools=entry.supports_tools,
        chat_template_kwargs=entry.chat_template_kwargs,
        learning_rates=[arguments.rate, arguments.rate],
        hyperparameters={"n_epochs": arguments.epochs, "batch_size": arguments.batch_size},
        seed=arguments.seed,
        dtype="bfloat16",
    )
    messages: list[dict[str, object]] = []
    trainer = Trainer(arguments.rows.parent, plan, messages.append, threading.Event())
    start, processor = time.perf_counter(), time.process_time()
    trainer.run()
    seconds = {"wall": time.perf_counter() - start, "processor": time.process_time() - processor}
    steps = [one for one in messages if one["event"] == "step"]
    print(json.dumps({**seconds, "loss": steps[-1]["train_loss"], "steps": len(steps)}))


if __name__ == "__main__":
    main()
