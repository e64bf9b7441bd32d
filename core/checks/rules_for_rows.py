"""The rules of one row: its messages, tools, images, and answers that are compared."""

from core.checks.rule_type import Rule
from core.language import tr

ROW_RULES = [
    Rule(
        "messages-missing",
        "error",
        lambda: (tr("No messages"), tr("A row stores its conversation as a list under the key messages.")),
    ),
    Rule(
        "messages-empty",
        "error",
        lambda: (tr("Empty conversation"), tr("The list of messages is empty.")),
    ),
    Rule(
        "message-not-object",
        "error",
        lambda: (tr("Message is not an object"), tr("A message is an object with a role and content.")),
    ),
    Rule(
        "role-missing",
        "error",
        lambda: (tr("No role"), tr("A message has no role.")),
    ),
    Rule(
        "role-unknown",
        "error",
        lambda: (
            tr("Unknown role"),
            tr("A role is one of system, developer, user, assistant, tool and function."),
        ),
        fixable=True,
    ),
    Rule(
        "content-missing",
        "error",
        lambda: (tr("No content"), tr("A message has no content; only an assistant's tool call may omit it.")),
    ),
    Rule(
        "content-empty",
        "error",
        lambda: (tr("Empty content"), tr("A message's content is empty or only spaces.")),
    ),
    Rule(
        "content-type",
        "error",
        lambda: (tr("Content has the wrong type"), tr("Content is a text, or a list of text and image parts.")),
    ),
    Rule(
        "assistant-missing",
        "error",
        lambda: (tr("Nothing to learn from"), tr("No assistant message of the row is used for training.")),
    ),
    Rule(
        "last-not-assistant",
        "error",
        lambda: (tr("No answer at the end"), tr("The last message should be from the assistant.")),
    ),
    Rule(
        "turn-order",
        "warning",
        lambda: (
            tr("Unusual order of turns"),
            tr(
                "A conversation usually begins with at most one system message, then user and assistant alternate; "
                "some services refuse anything else."
            ),
        ),
    ),
    Rule(
        "weight-invalid",
        "error",
        lambda: (tr("Invalid weight"), tr("A weight is 0 or 1, and is allowed only in assistant messages.")),
        fixable=True,
    ),
    Rule(
        "key-unknown",
        "warning",
        lambda: (tr("Unknown key"), tr("A key is not part of the format; some services reject the row.")),
    ),
    Rule(
        "teacher-messages",
        "warning",
        lambda: (
            tr("Messages for a teacher"),
            tr("The row has teacher_messages, for self-distillation on this computer; some services reject the row."),
        ),
    ),
    Rule(
        "value-type",
        "error",
        lambda: (tr("Value has the wrong type"), tr("A known key has a value that the format does not allow.")),
    ),
    Rule(
        "special-token",
        "error",
        lambda: (tr("Special token in text"), tr("A text contains a token that is reserved for the model.")),
    ),
    Rule(
        "control-token",
        "warning",
        lambda: (
            tr("Control token in text"),
            tr("A text contains a token with which a family of models ends a turn or changes the speaker."),
        ),
    ),
    Rule(
        "replacement-character",
        "warning",
        lambda: (
            tr("Lost characters"),
            tr("A text contains the sign for a character that was lost when the text was read in a wrong encoding."),
        ),
    ),
    Rule(
        "mojibake",
        "warning",
        lambda: (
            tr("Text in a wrong encoding"),
            tr("A text was saved as UTF-8 and read in another encoding, so that its letters came out wrong."),
        ),
        fixable=True,
    ),
    Rule(
        "invisible-character",
        "warning",
        lambda: (
            tr("Invisible characters"),
            tr("A text contains characters without width, or that turn its direction, and nobody sees them."),
        ),
        fixable=True,
    ),
    Rule(
        "html-entity",
        "warning",
        lambda: (tr("HTML entity"), tr("A text contains a character as HTML writes it, such as “&amp;” for “&”.")),
        fixable=True,
    ),
    Rule(
        "empty-value",
        "warning",
        lambda: (
            tr("Empty cell as text"),
            tr("A content is only the word that a program writes for an empty cell of a table, such as “nan”."),
        ),
    ),
    Rule(
        "tool-call-unanswered",
        "error",
        lambda: (
            tr("Tool call without a result"),
            tr(
                "Each tool call is followed by a tool message with its result, unless it is the last message of "
                "the row."
            ),
        ),
    ),
    Rule(
        "tool-call-id-unknown",
        "error",
        lambda: (tr("Result without a call"), tr("A tool message answers a call that does not appear before it.")),
    ),
    Rule(
        "tool-arguments-invalid",
        "error",
        lambda: (tr("Invalid arguments"), tr("A call's arguments are a string that contains a JSON object.")),
        fixable=True,
    ),
    Rule(
        "image-role",
        "error",
        lambda: (tr("Image in the wrong place"), tr("Images are allowed only in user messages.")),
    ),
    Rule(
        "old-format",
        "error",
        lambda: (
            tr("Old format"),
            tr("The row is a prompt/completion pair, for models that can no longer be trained."),
        ),
        fixable=True,
    ),
    Rule(
        "whitespace",
        "warning",
        lambda: (tr("Leading or trailing spaces"), tr("A content begins or ends with spaces or line breaks.")),
        fixable=True,
    ),
    Rule(
        "tool-count",
        "error",
        lambda: (
            tr("Number of tools"),
            tr("A list of tools has at most 128 tools. Only in rows that compare answers may it be empty."),
        ),
    ),
    Rule(
        "tool-name-invalid",
        "error",
        lambda: (
            tr("Invalid name of a tool"),
            tr("A tool's name may use up to 64 letters, digits, underscores and hyphens, without spaces or accents."),
        ),
    ),
    Rule(
        "tool-twice",
        "error",
        lambda: (tr("Tool declared twice"), tr("Two tools of the row have the same name.")),
    ),
    Rule(
        "tool-parameters-invalid",
        "error",
        lambda: (tr("Invalid parameters"), tr("A tool's parameters are a JSON schema of the type object.")),
    ),
    Rule(
        "tool-undeclared",
        "warning",
        lambda: (tr("Tool not declared"), tr("A call names a tool that is not among the tools of the row.")),
    ),
    Rule(
        "tool-call-id-twice",
        "error",
        lambda: (
            tr("Duplicate call id"),
            tr("Two calls of the row have the same id, so their results cannot be told apart."),
        ),
    ),
    Rule(
        "image-url-invalid",
        "error",
        lambda: (
            tr("Invalid image"),
            tr("An image is a web address (http or https), or a data URI in Base64."),
        ),
    ),
    Rule(
        "image-type",
        "error",
        lambda: (tr("Type of image"), tr("Images must be JPEG, PNG or WebP.")),
    ),
    Rule(
        "image-size",
        "error",
        lambda: (tr("Image too large"), tr("An image can have at most 10 MB.")),
    ),
    Rule(
        "image-count",
        "error",
        lambda: (tr("Too many images"), tr("A row has at most 10 images.")),
    ),
    Rule(
        "dpo-input-missing",
        "error",
        lambda: (
            tr("No input before the answers"),
            tr("A preference row stores its conversation as messages under the key input."),
        ),
    ),
    Rule(
        "dpo-input-answered",
        "warning",
        lambda: (
            tr("Input ends with an answer"),
            tr(
                "The two answers are compared as replies to the input, so its last message should not be from "
                "the assistant."
            ),
        ),
    ),
    Rule(
        "dpo-output-missing",
        "error",
        lambda: (
            tr("No two answers to compare"),
            tr("A preference row has one message each in preferred_output and non_preferred_output."),
        ),
    ),
    Rule(
        "dpo-output-role",
        "error",
        lambda: (tr("Compared message is not an answer"), tr("The two compared messages are both from the assistant.")),
    ),
    Rule(
        "dpo-outputs-equal",
        "error",
        lambda: (
            tr("Both answers are identical"),
            tr("If both answers are the same, there is no preference to learn."),
        ),
    ),
    Rule(
        "dpo-image",
        "error",
        lambda: (tr("Image in a preference row"), tr("Preference rows can contain only text.")),
    ),
    Rule(
        "dpo-old-key",
        "warning",
        lambda: (
            tr("Old key names for preferences"),
            tr("The keys ending in _completion are now called preferred_output and non_preferred_output."),
        ),
        fixable=True,
    ),
]
