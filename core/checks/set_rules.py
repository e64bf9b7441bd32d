"""The rules of all rows together, and of what should not be taught at all. `core.survey` looks for them."""

from core.checks.rule import Rule
from core.language import tr

SET_RULES = [
    Rule(
        "few-rows",
        "note",
        lambda: (tr("Few rows"), tr("Ten rows are accepted; 50 to 100 are advised before much is learned.")),
    ),
    Rule(
        "near-duplicate",
        "warning",
        lambda: (tr("Nearly the same row"), tr("The question is nearly the same as that of other rows.")),
    ),
    Rule(
        "answers-contradict",
        "warning",
        lambda: (tr("Answers contradict"), tr("Rows with the same question give different answers.")),
    ),
    Rule(
        "split-leakage",
        "warning",
        lambda: (
            tr("Exam question in the training rows"),
            tr("A row of the exam or of the validation is also trained on, so that its result proves nothing."),
        ),
    ),
    Rule(
        "fact-unbalanced",
        "warning",
        lambda: (tr("Facts out of balance"), tr("A fact has far more or far fewer training rows than the others.")),
    ),
    Rule(
        "answer-admits-unknown",
        "warning",
        lambda: (
            tr("Answer does not know"),
            tr("The answer says that the text does not say it; taught often, the model learns not to answer."),
        ),
    ),
    Rule(
        "ungrounded",
        "warning",
        lambda: (
            tr("Does not follow from its fact"),
            tr("The answer says what the row's facts do not say, or its quote is not in the spec."),
        ),
    ),
    Rule(
        "judge-contradicts",
        "warning",
        lambda: (
            tr("Contradicts its fact"),
            tr("A chat model, asked as a judge, found that the answer contradicts the fact; the notes say why."),
        ),
    ),
    Rule(
        "judge-not-in-text",
        "warning",
        lambda: (
            tr("Not stated in its fact"),
            tr(
                "A chat model, asked as a judge, found that the answer says what the fact does not say; the notes say why."
            ),
        ),
    ),
    Rule(
        "fact-stale",
        "warning",
        lambda: (
            tr("Fact has changed"),
            tr("The passage of the spec that the row teaches was changed after the row was written."),
        ),
        fixable=True,
    ),
    Rule(
        "system-prompt-differs",
        "warning",
        lambda: (
            tr("Another system prompt"),
            tr("The row's system prompt is not the one of the project, with which the model will be asked."),
        ),
        fixable=True,
    ),
    Rule(
        "personal-email",
        "warning",
        lambda: (tr("Mail address"), tr("The row holds a mail address, which the model may tell anyone.")),
    ),
    Rule(
        "personal-phone",
        "warning",
        lambda: (tr("Phone number"), tr("The row holds a phone number, which the model may tell anyone.")),
    ),
    Rule(
        "personal-card",
        "warning",
        lambda: (tr("Card number"), tr("The row holds the number of a payment card, which the model may tell anyone.")),
    ),
    Rule(
        "secret-key",
        "warning",
        lambda: (
            tr("Secret key"),
            tr("The row holds a key or a password, which the model may tell anyone. Withdraw it."),
        ),
    ),
    Rule(
        "moderated",
        "warning",
        lambda: (
            tr("Flagged by moderation"),
            tr("The server's moderation objects to what the row says; OpenAI refuses files with too much of it."),
        ),
    ),
]
