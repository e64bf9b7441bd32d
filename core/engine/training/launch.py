"""How the processes of a job are started: one, or as many as a configuration of Accelerate says."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

TRAIN = "core.engine.training.train"


@dataclass(frozen=True)
class Launch:
    """The module to run with Python, its arguments, and what is added to the environment."""

    module: str
    arguments: list[str]
    environment: dict[str, str]

    @property
    def command(self) -> str:
        """What a person types for the same on another machine, in the same folder of the program."""
        values = [f"{name}={value}" for name, value in self.environment.items()]
        return shlex.join([*values, "python", "-m", self.module, *self.arguments])


def build_launch(folder: Path, accelerate_config: Path | None) -> Launch:
    """How to train the job in `folder`. Raises ValueError for a configuration that cannot be used.

    `accelerate launch` starts one process where a configuration for processors asks for several: those are started by
    torch's own launcher.
    """
    if accelerate_config is None:
        return Launch(TRAIN, [str(folder)], {})
    size, on_cpu, nodes = read_config(accelerate_config)
    train = [str(folder), "--world-size", str(size)]
    if size == 1:
        return Launch(TRAIN, train, {})
    if not on_cpu:
        arguments = ["--config_file", str(accelerate_config), "--module", TRAIN, *train]
        return Launch("accelerate.commands.launch", arguments, {})
    return Launch(
        "torch.distributed.run",
        [*nodes, "--module", TRAIN, *train],
        {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // size))},
    )


def machines_to_start(accelerate_config: Path | None) -> int:
    """How many other machines must start the same command. Raises ValueError as `build_launch` does."""
    if accelerate_config is None:
        return 0
    nodes = read_config(accelerate_config)[2]
    return int(nodes[nodes.index("--nnodes") + 1]) - 1 if "--nnodes" in nodes else 0


def read_config(path: Path) -> tuple[int, bool, list[str]]:
    """The number of processes of a configuration, whether they run on processors, and the launcher's arguments for them.

    Raises ValueError when the file cannot be read, or names no number of processes.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text("utf-8"))
        size, machines = int(values["num_processes"]), int(values.get("num_machines") or 1)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        message = (
            f"{path} is no configuration of Accelerate with a number of processes. Write one with `accelerate config`."
        )
        raise ValueError(message) from error
    if size < 1 or machines < 1 or size % machines:
        raise ValueError(f"{path}: {size} processes cannot be shared by {machines} machines.")
    on_cpu = bool(values.get("use_cpu")) or values.get("distributed_type") == "MULTI_CPU"
    nodes = ["--nproc-per-node", str(size // machines)]
    if machines == 1:
        return size, on_cpu, [*nodes, "--standalone"]
    address = f"{values.get('main_process_ip')}:{values.get('main_process_port') or 29500}"
    rank = str(values.get("machine_rank") or 0)
    return size, on_cpu, [*nodes, "--nnodes", str(machines), "--node-rank", rank, "--rdzv-endpoint", address]
