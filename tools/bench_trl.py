"""TRL's SFTTrainer on the rows of one job; run by `bench_engine.py` with the Python of another environment.

Prints one JSON line: processor and wall seconds of the training alone, and its last loss.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("rows", type=Path)
    parser.add_argument("output")
    for name in ("epochs", "batch-size", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--no-checkpointing", action="store_true", help="instead of TRL's default")
    arguments = parser.parse_args()
    trainer = build_trainer(arguments)
    start, processor = time.perf_counter(), time.process_time()
    trainer.train()
    seconds = {"wall": time.perf_counter() - start, "processor": time.process_time() - processor}
    trainer.save_model(arguments.output)
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    print(json.dumps({**seconds, "loss": losses[-1] if losses else None, "steps": trainer.state.global_step}))


def build_trainer(arguments: argparse.Namespace):
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    rows = [json.loads(line)["messages"] for line in arguments.rows.read_text("utf-8").splitlines()]
    data = Dataset.from_list([{"prompt": messages[:-1], "completion": messages[-1:]} for messages in rows])
    config = SFTConfig(
        output_dir=arguments.output,
        num_train_epochs=arguments.epochs,
        per_device_train_batch_size=arguments.batch_size,
        learning_rate=arguments.rate,
        lr_scheduler_type="cosine",
        seed=arguments.seed,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        **({"gradient_checkpointing": False} if arguments.no_checkpointing else {}),
    )
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.bfloat16)
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    return SFTTrainer(model=model, args=config, train_dataset=data, peft_config=lora)


if __name__ == "__main__":
    main()
