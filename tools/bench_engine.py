"""How fast the local engine is, as ratios against peers that run in the same process or beside it: `make bench-engine`.

Parts: `step` (a training step, against the step of an earlier version), `learn` (whole jobs, against TRL's SFTTrainer),
`answers` (over HTTP, against llama.cpp's server).
TRL needs an environment of its own: `--trl PYTHON`. Without it the part is left out, and says so.
"""

import argparse
import os
import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

from tools import bench_inference, bench_training

PARTS = {
    "step": bench_training.bench_step,
    "learn": bench_training.bench_jobs,
    "answers": bench_inference.bench_answers,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--model", type=Path, default=Path("build/models/smollm2-135m-instruct"))
    parser.add_argument("--sample", default="hobannu-en")
    parser.add_argument("--repeats", type=int, default=5, help="of each measurement")
    parser.add_argument("--trl", type=Path, help="the Python of an environment with TRL")
    parser.add_argument("--variants", choices=bench_training.VARIANTS, nargs="+", help="of the part step")
    parser.add_argument("--jobs", choices=("15", "178"), nargs="+", help="of the part learn")
    arguments = parser.parse_args()
    import torch
    import transformers

    print(
        f"torch {torch.__version__}, transformers {transformers.__version__}, {platform.processor() or platform.machine()}"
    )
    print(f"{torch.get_num_threads()} threads, {arguments.model.name}, processor seconds, medians of the ratios\n")
    for name in arguments.only:
        print(f"## {name}\n", flush=True)
        PARTS[name](arguments)


if __name__ == "__main__":
    main()
