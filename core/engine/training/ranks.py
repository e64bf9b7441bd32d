"""The processes that train one job together, each a share of every batch: one, unless the engine has a configuration of
Accelerate (DDP or FSDP).

Every process has all rows and draws the same batches; only losses, gradients and decisions are summed.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

from core.engine.training.objectives import TrainingError

# How long a process waits for the others before it gives up, when the launcher cannot see that one is lost.
TIMEOUT = timedelta(minutes=10)


class Ranks:
    """This process among all. `index`: its number; `size`: how many there are."""

    def __init__(self, expected_size: int, device: str) -> None:
        """Join the others. Raises TrainingError when there are not `expected_size` processes: each would train alone."""
        found = int(os.environ.get("WORLD_SIZE", "1"))
        if found != expected_size:
            message = f"The configuration of Accelerate has {expected_size} processes, but {found} were started."
            raise TrainingError("server_error", message)
        self._accelerator = _join(device) if expected_size > 1 else None
        self.index = self._accelerator.process_index if self._accelerator else 0
        self.size = self._accelerator.num_processes if self._accelerator else 1
        if self.size != expected_size:
            message = f"{expected_size} processes were started, but Accelerate sees {self.size}."
            raise TrainingError("server_error", message)

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and sends messages."""
        return self.index == 0

    def prepare(self, model: Any, optimizer: Any) -> tuple[Any, Any]:
        """The model to call and the optimizer to step: the same ones, or Accelerate's around them."""
        return self._accelerator.prepare(model, optimizer) if self._accelerator else (model, optimizer)

    def unwrap(self, model: Any) -> Any:
        """The PEFT model in a prepared one."""
        return self._accelerator.unwrap_model(model) if self._accelerator else model

    def accumulate(self, model: Any, last: bool) -> AbstractContextManager[Any]:
        """Around the passes of a micro-batch: gradients are exchanged after the last one only."""
        if self._accelerator and not last:
            context: AbstractContextManager[Any] = self._accelerator.no_sync(model)
            return context
        return nullcontext()

    def clip_gradients(self, parameters: Any, max_norm: float) -> None:
        """Scale all gradients down to this norm, that of all processes' parts together."""
        import torch

        clip = self._accelerator.clip_grad_norm_ if self._accelerator else torch.nn.utils.clip_grad_norm_
        clip(list(parameters), max_norm)

    def sum(self, values: Mapping[str, float], names: tuple[str, ...]) -> dict[str, float]:
        """The sums over all processes; a process may have none of the values."""
        if not self._accelerator:
            return dict(values)
        import torch

        tensor = torch.tensor([values.get(name, 0.0) for name in names], dtype=torch.float64)
        if self._accelerator.device.type == "mps":
            tensor = tensor.float()
        total = self._accelerator.reduce(tensor.to(self._accelerator.device), "sum")
        return dict(zip(names, total.tolist(), strict=True))

    def any(self, value: bool) -> bool:
        """Whether it is true in one of the processes: so all decide alike."""
        return value if not self._accelerator else self.sum({"value": float(value)}, ("value",))["value"] > 0

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in their order, in each of them."""
        if not self._accelerator:
            return [value]
        from accelerate.utils import gather_object

        found: list[Any] = gather_object([value])
        return found

    def min(self, value: int) -> int:
        """The smallest of all processes' values."""
        if not self._accelerator:
            return value
        import torch

        return int(self._accelerator.gather(torch.tensor([value], device=self._accelerator.device)).min())

    def leave(self) -> None:
        """Part from the others, once all have come here."""
        if self._accelerator:
            self._accelerator.wait_for_everyone()
            self._accelerator.end_training()


def _join(device: str) -> Any:
    from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs

    # Buffers never change here. Every process's passes are the same in number, so no pass needs a search for what it left out.
    ddp = DistributedDataParallelKwargs(broadcast_buffers=False)
    return Accelerator(cpu=device == "cpu", kwargs_handlers=[ddp, InitProcessGroupKwargs(timeout=TIMEOUT)])


def full_tensor(tensor: Any) -> Any:
    """A parameter or a part of the optimizer's state as a whole: FSDP shards it. All processes must call this together."""
    return tensor.detach().full_tensor() if is_sharded(tensor) else tensor.detach()


def is_sharded(tensor: Any) -> bool:
    """Whether FSDP has a part of the tensor in each process."""
    return hasattr(tensor, "full_tensor")


def shard_like(whole: Any, parameter: Any) -> Any:
    """This process's part of a whole tensor, where `parameter` is sharded; else the tensor itself."""
    if not is_sharded(parameter):
        return whole
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(whole, parameter.device_mesh, parameter.placements)
