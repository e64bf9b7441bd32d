"""Ends a job when its validation rows have not become better for some epochs, by their loss or their accuracy.

Prechelt (1998), "Early stopping – but when?". `early_stopping_patience` is the name of Hugging Face's `EarlyStoppingCallback`,
`metric_for_best_model` that of its `TrainingArguments`.
"""

from typing import Any

from core.engine.http.protocol import Json

LOSS, ACCURACY = "loss", "accuracy"
# In the metrics of an epoch's end; of preferences the accuracy is that of the pairs, else that of the tokens.
_ACCURACY_NAMES = ("full_valid_mean_token_accuracy", "full_valid_accuracy")


class EarlyStopping:
    """The best epoch so far. `patience`: how many epochs without a better one end the job, None for never.

    `metric`: `loss`, or `accuracy` of the learned tokens (of the pairs, for preferences), that of the answers as they
    would be given one token after another.
    """

    def __init__(self, patience: int | None, metric: str = LOSS) -> None:
        self.patience, self.best_step = patience, 0
        self._metric = metric
        self._best_value: float | None = None  # the lower, the better
        self._epochs_since = 0

    @property
    def is_due(self) -> bool:
        """Whether the job shall end now."""
        return self.patience is not None and self._epochs_since >= self.patience

    def is_better(self, step: int, metrics: Json) -> bool:
        """Count an epoch that ended at this step; whether it is the best so far. Never without a patience."""
        if self.patience is None:
            return False
        value = self._read(metrics)
        if self._best_value is not None and value >= self._best_value:
            self._epochs_since += 1
            return False
        self._best_value, self.best_step, self._epochs_since = value, step, 0
        return True

    def _read(self, metrics: Json) -> float:
        if self._metric == LOSS:
            return float(metrics["full_valid_loss"])
        return -float(next(metrics[name] for name in _ACCURACY_NAMES if name in metrics))

    def to_json(self) -> dict[str, Any]:
        """What `restore` needs; empty without a patience."""
        if self._best_value is None:
            return {}
        return {"best_value": self._best_value, "best_step": self.best_step, "epochs_since": self._epochs_since}

    def restore(self, values: dict[str, Any]) -> None:
        """Continue where `to_json` was called."""
        if values:
            # An earlier version knew the loss alone, and named it so.
            self._best_value = values["best_value"] if "best_value" in values else values["best_loss"]
            self.best_step = values["best_step"]
            self._epochs_since = values["epochs_since"]
