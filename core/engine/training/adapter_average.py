"""The mean of the adapters at the ends of a job's last epochs (SWA, arXiv 1803.05407; LAWA, arXiv 2209.14981).

LoRA's factors A and B are averaged each for itself, as the trained weights that they are. That is not the mean of the
products B A, which differs by the covariance of A and B and would need an adapter of that many times the rank.
"""

from typing import Any

from core.engine.training.ranks import shard_like


class AdapterAverage:
    """Sums of the adapters of the last epochs. `count`: how many epochs, 1 for the last one as it is."""

    def __init__(self, count: int, n_epochs: int) -> None:
        self.count = min(count, n_epochs)
        self._first = n_epochs - self.count + 1
        self.sums: dict[str, Any] = {}

    def _num_added(self, epochs: int) -> int:
        return max(0, epochs - self._first + 1) if self.count > 1 else 0

    def add(self, epochs: int, parameters: dict[str, Any]) -> None:
        """Add the adapter as it is after so many epochs, if it is one of the last."""
        if self._num_added(epochs) > 0:
            for name, p in parameters.items():
                self.sums[name] = self.sums[name] + p.detach() if name in self.sums else p.detach().clone()

    def mean(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The weights to save at the end of the job: the mean, or the last epoch's."""
        return {name: self.sums[name] / self.count for name in parameters} if self.sums else parameters

    def restore(self, epochs: int, sums: dict[str, Any], parameters: dict[str, Any]) -> None:
        """Continue after so many epochs with whole sums. Raises ValueError when they are not there, or not finite."""
        if not self._num_added(epochs):
            return
        if sums.keys() != parameters.keys() or not all(one.isfinite().all() for one in sums.values()):
            raise ValueError("the sums of the last epochs' adapters are gone")
        self.sums = {name: shard_like(sums[name], p) for name, p in parameters.items()}
