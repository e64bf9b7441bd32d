"""What the stable error codes of servers mean, in the person's language; the server's own words follow it."""

from core.language import tr


def explain_code(code: str) -> str:
    """What happened and what to do, for a code of the local engine or of OpenAI's protocol; '' for any other code."""
    sentences = {
        "insufficient_storage": tr("The disk of the server is full. Delete files, models or checkpoints there, and try again."),
        "insufficient_memory": tr("The server has too little memory. Close other programs there, or take a smaller model."),
        "damaged_record": tr("A file that the server keeps is damaged. Put it back from a backup, or delete what belongs to it."),
        "damaged_file": tr("A file that the server needs is damaged or gone. Put it back from a backup, or make it again."),
        "network_unreachable": tr("The server could not reach another one on the network. Check the network, and try again."),
        "package_missing": tr("A Python package is missing on the server."),
        "model_not_ready": tr("The model is not on this computer yet, or could not be made ready."),
        "model_not_found": tr("There is no such model there, or no longer."),
        "model_not_available": tr("This model cannot be trained there."),
        "model_in_use": tr("Fine-tuned models are based on this model. Delete them first."),
        "unusable_model": tr("This model cannot be used here."),
        "licence_not_accepted": tr("The licence of the model must be accepted first."),
        "context_length_exceeded": tr("The text is too long for this model. Shorten it, or take a model that reads more."),
        "max_tokens_per_request": tr("There is too much text in one request. Send less at once."),
        "invalid_training_file": tr("The training rows cannot be used as they are."),
        "invalid_validation_file": tr("The validation rows cannot be used as they are."),
        "invalid_file_format": tr("The file has another format than the server expects."),
        "invalid_n_examples": tr("There are too few rows to train with."),
        "training_diverged": tr("The training went wrong: the loss grew without limit. Take a lower learning rate."),
        "export_failed": tr("The model could not be exported."),
        "fine_tune_not_found": tr("The server has no such job, or no longer."),
        "request_too_large": tr("This is too large for the server. Send less at once."),
        "request_timeout": tr("The server waited too long for the request. Try again."),
        "too_many_connections": tr("Too many programs use the server now. Try again in a moment."),
        "invalid_host": tr("The server is not reached by this name. Ask whoever runs it which name to use."),
        "unsupported_value": tr("The server cannot do what was asked."),
    }  # fmt: skip
    return sentences.get(code, "")


def explain_failure(code: str, reason: str) -> str:
    """What a job, a batch or an export failed of: what its code means, and the server's own words in brackets."""
    meaning = explain_code(code) or (tr("Something failed on the server.") if code == "server_error" else "")
    return with_reason(meaning, reason)


def with_reason(meaning: str, reason: str) -> str:
    """The meaning with the server's own words in brackets; one of both where the other is missing."""
    if not meaning or not reason or meaning == reason:
        return meaning or reason
    return tr("{meaning} ({reason})", meaning=meaning, reason=reason)
