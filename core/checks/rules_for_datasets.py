"""The rules about all rows together, and about what must not be trained on; `core.review.dataset_check` checks them."""

from core.checks.rule_type import Rule
from core.language import tr

SET_RULES = [
    Rule(
        "few-rows",
        "note",
        lambda: (
            tr("Fewer rows than recommended"),
            tr("Ten rows are accepted; 50 to 100 are recommended for a good result."),
        ),
    ),
    Rule(
        "same-contents",
        "warning",
        lambda: (
            tr("The same row, written otherwise"),
            tr("The row differs from an earlier one only in the order of its keys, in blanks or in escapes."),
        ),
        fixable=True,
    ),
    Rule(
        "near-duplicate",
        "warning",
        lambda: (tr("Nearly the same row"), tr("The question is nearly the same as that of other rows.")),
    ),
    Rule(
        "answers-alike",
        "warning",
        lambda: (
            tr("All answers the same"),
            tr("Nearly all rows have the same answer: the model learns to give it to every question."),
        ),
    ),
    Rule(
        "questions-alike",
        "warning",
        lambda: (tr("All questions the same"), tr("Nearly all rows ask the same question: nothing else is learned.")),
    ),
    Rule(
        "prompt-alike",
        "note",
        lambda: (
            tr("One system prompt in all rows"),
            tr("The model learns to answer with this prompt before the question: ask it with the same one."),
        ),
    ),
    Rule(
        "row-too-long",
        "warning",
        lambda: (
            tr("Row too long for the model"),
            tr("The row has more tokens than the model reads; the rest is cut off, or the row refused."),
        ),
    ),
    Rule(
        "answers-contradict",
        "warning",
        lambda: (tr("Contradicting answers"), tr("Rows with the same question give different answers.")),
    ),
    Rule(
        "split-leakage",
        "warning",
        lambda: (
            tr("Exam question in the training rows"),
            tr("An exam or validation row is also used for training, so its result proves nothing."),
        ),
    ),
    Rule(
        "fact-unbalanced",
        "warning",
        lambda: (tr("Unbalanced facts"), tr("A fact has far more or far fewer training rows than the others.")),
    ),
    Rule(
        "answer-admits-unknown",
        "warning",
        lambda: (
            tr("Answer says “not stated”"),
            tr(
                "The answer says that the text does not state it; taught often, the model learns to refuse answers. Where "
                "the text really does not, set the row's kind to “not stated”: that settles it."
            ),
        ),
    ),
    Rule(
        "ungrounded",
        "warning",
        lambda: (
            tr("Answer does not follow from its fact"),
            tr("The answer states something the row's facts do not say, or its quotation is not in the spec."),
        ),
    ),
    Rule(
        "judge-contradicts",
        "warning",
        lambda: (
            tr("Answer contradicts its fact"),
            tr("A chat model, acting as judge, found that the answer contradicts the fact. The notes give the reason."),
        ),
    ),
    Rule(
        "judge-not-in-text",
        "warning",
        lambda: (
            tr("Answer not stated in its fact"),
            tr(
                "A chat model, acting as judge, found something in the answer that the fact does not say. The notes give the reason."
            ),
        ),
    ),
    Rule(
        "fact-stale",
        "warning",
        lambda: (
            tr("Fact changed"),
            tr("The passage of the spec that the row teaches was changed after the row was written."),
        ),
        fixable=True,
    ),
    Rule(
        "system-prompt-differs",
        "warning",
        lambda: (
            tr("System prompt differs from the project's"),
            tr("The row's system prompt differs from the project's, which is used to ask the model."),
        ),
        fixable=True,
    ),
    Rule(
        "personal-email",
        "warning",
        lambda: (tr("Email address"), tr("The row contains an email address, which the model may reveal to anyone.")),
    ),
    Rule(
        "personal-phone",
        "warning",
        lambda: (tr("Phone number"), tr("The row contains a phone number, which the model may reveal to anyone.")),
    ),
    Rule(
        "personal-card",
        "warning",
        lambda: (
            tr("Card number"),
            tr("The row contains a payment card number, which the model may reveal to anyone."),
        ),
    ),
    Rule(
        "secret-key",
        "warning",
        lambda: (
            tr("Secret key"),
            tr("The row contains a key or a password, which the model may reveal to anyone. Revoke it."),
        ),
    ),
    Rule(
        "moderated",
        "warning",
        lambda: (
            tr("Flagged by moderation"),
            tr("The server's moderation flags what the row says; OpenAI rejects files with too much of it."),
        ),
    ),
]
