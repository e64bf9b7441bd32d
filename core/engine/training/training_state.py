"""What a job is resumed from: adapter, optimizer, sums of adapters and step in one file, whole or not there."""

import json
from pathlib import Path
from typing import Any

from core.engine.private_files import replace_file
from core.engine.training.ranks import full_tensor, shard_like

KINDS = ("weight", "first", "second")  # the adapter's weights, and both moments of the optimizer
SUM = "sum."  # of the adapters of epochs before, where they are averaged


def gather(parameters: dict[str, Any], optimizer: Any, added: dict[str, Any]) -> dict[str, Any]:
    """All tensors of the state, whole. `added`: the sums of adapters. All processes of a job must call this together."""
    tensors = {f"{SUM}{name}": full_tensor(one) for name, one in added.items()}
    for name, p in parameters.items():
        state = optimizer.state[p]
        tensors[f"weight.{name}"] = full_tensor(p)
        tensors[f"first.{name}"] = full_tensor(state["exp_avg"])
        tensors[f"second.{name}"] = full_tensor(state["exp_avg_sq"])
    return tensors


def write(path: Path, tensors: dict[str, Any], step: int, progress: dict[str, Any]) -> None:
    """Write the state. `progress`: whatever else must survive, as JSON. Nothing else is random: there is no dropout."""
    from safetensors.torch import save_file

    save_file(tensors, path.with_suffix(".tmp"), {"step": str(step), "progress": json.dumps(progress)})
    replace_file(path.with_suffix(".tmp"), path)


def read(path: Path, parameters: dict[str, Any], total_steps: int, device: str) -> tuple[int, dict[str, Any], Any]:
    """The step, the tensors and the progress of a whole state. Raises ValueError and others when it is none of this job."""
    from safetensors import safe_open

    with safe_open(path, "pt", device=device) as file:
        metadata = file.metadata()
        step, progress = int(metadata["step"]), json.loads(metadata.get("progress", "{}"))
        tensors = {f"{kind}.{name}": file.get_tensor(f"{kind}.{name}") for name in parameters for kind in KINDS}
        tensors |= {name: file.get_tensor(name) for name in file.keys() if name.startswith(SUM)}  # noqa: SIM118 - no dict
    for name, p in parameters.items():
        if any(tensors[f"{kind}.{name}"].shape != p.shape for kind in KINDS):
            raise ValueError(f"{name} has another shape")
    if not 0 < step <= total_steps:
        raise ValueError(f"step {step} of {total_steps}")
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise ValueError("a value is not finite")
    return step, tensors, progress


def sums(tensors: dict[str, Any]) -> dict[str, Any]:
    """The sums of adapters among the tensors, by the parameter's name; empty where there are none."""
    return {name.removeprefix(SUM): one for name, one in tensors.items() if name.startswith(SUM)}


def restore(parameters: dict[str, Any], optimizer: Any, step: int, tensors: dict[str, Any]) -> None:
    """Put the tensors into the adapter and the optimizer."""
    import torch

    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(shard_like(tensors[f"weight.{name}"], p))
            optimizer.state[p] = {
                "step": torch.tensor(float(step), device=p.device),
                "exp_avg": shard_like(tensors[f"first.{name}"], p),
                "exp_avg_sq": shard_like(tensors[f"second.{name}"], p),
            }
