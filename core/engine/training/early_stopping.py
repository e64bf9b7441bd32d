"""Ends a job when the loss of its validation rows has not become lower for some epochs.

Prechelt (1998), "Early stopping – but when?". `early_stopping_patience` is the name of Hugging Face's `EarlyStoppingCallback`.
"""

from typing import Any

from core.engine.http.protocol import Json


class EarlyStopping:
    """The best epoch so far. `patience`: how many epochs without a lower loss end the job, None for never."""

    def __init__(self, patience: int | None) -> None:
        self.patience, self.best_step = patience, 0
        self._best_loss: float | None = None
        self._epochs_since = 0

    @property
    def is_due(self) -> bool:
        """Whether the job shall end now."""
        return self.patience is not None and self._epochs_since >= self.patience

    def is_better(self, step: int, metrics: Json) -> bool:
        """Count an epoch that ended at this step; whether it is the best so far. Never without a patience."""
        if self.patience is None:
            return False
        loss = metrics["full_valid_loss"]
        if self._best_loss is not None and loss >= self._best_loss:
            self._epochs_since += 1
            return False
        self._best_loss, self.best_step, self._epochs_since = loss, step, 0
        return True

    def to_json(self) -> dict[str, Any]:
        """What `restore` needs; empty without a patience."""
        if self._best_loss is None:
            return {}
        return {"best_loss": self._best_loss, "best_step": self.best_step, "epochs_since": self._epochs_since}

    def restore(self, values: dict[str, Any]) -> None:
        """Continue where `to_json` was called."""
        if values:
            self._best_loss, self.best_step = values["best_loss"], values["best_step"]
            self._epochs_since = values["epochs_since"]
