"""The rules of one row: its messages, tools, images, and answers that are compared."""

from core.checks.rule import Rule
from core.language import tr

ROW_RULES = [
    Rule(
        "messages-missing",
        "error",
        lambda: (tr("No messages"), tr("A row holds its conversation as a list under the key messages.")),
    ),
    Rule(
        "messages-empty",
        "error",
        lambda: (tr("Empty conversation"), tr("The list of messages is empty.")),
    ),
    Rule(
        "message-not-object",
        "error",
        lambda: (tr("Message is not an object"), tr("A message is an object with a role and a content.")),
    ),
    Rule(
        "role-missing",
        "error",
        lambda: (tr("No role"), tr("A message does not say who speaks.")),
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
        lambda: (tr("No content"), tr("A message has no content; only an assistant's call may do without.")),
    ),
    Rule(
        "content-empty",
        "error",
        lambda: (tr("Empty content"), tr("A message's content is empty or only blanks.")),
    ),
    Rule(
        "content-type",
        "error",
        lambda: (tr("Content of a wrong kind"), tr("Content is a text, or a list of text and image parts.")),
    ),
    Rule(
        "assistant-missing",
        "error",
        lambda: (tr("No answer to learn"), tr("No assistant message of the row is trained on.")),
    ),
    Rule(
        "last-not-assistant",
        "error",
        lambda: (tr("No answer at the end"), tr("The last message should be the assistant's.")),
    ),
    Rule(
        "weight-invalid",
        "error",
        lambda: (tr("Invalid weight"), tr("A weight is 0 or 1, and stands in assistant messages only.")),
        fixable=True,
    ),
    Rule(
        "key-unknown",
        "warning",
        lambda: (tr("Unknown key"), tr("A key is not part of the format; some services reject the row.")),
    ),
    Rule(
        "value-type",
        "error",
        lambda: (tr("Value of a wrong kind"), tr("A known key holds a value that the format does not allow.")),
    ),
    Rule(
        "special-token",
        "error",
        lambda: (tr("Special token in text"), tr("A text holds a token that is reserved for the model.")),
    ),
    Rule(
        "tool-call-unanswered",
        "error",
        lambda: (
            tr("Tool call without a result"),
            tr("Each tool call is followed by a tool message with its result, unless it ends the row."),
        ),
    ),
    Rule(
        "tool-call-id-unknown",
        "error",
        lambda: (tr("Result of no call"), tr("A tool message answers a call that was not made before it.")),
    ),
    Rule(
        "tool-arguments-invalid",
        "error",
        lambda: (tr("Invalid arguments"), tr("A call's arguments are a text that holds a JSON object.")),
        fixable=True,
    ),
    Rule(
        "image-role",
        "error",
        lambda: (tr("Image in a wrong place"), tr("Images stand in user messages only.")),
    ),
    Rule(
        "old-format",
        "error",
        lambda: (
            tr("Old format"),
            tr("The row is a prompt/completion pair, for models that are no longer trained."),
        ),
        fixable=True,
    ),
    Rule(
        "whitespace",
        "warning",
        lambda: (tr("Blanks at the edge"), tr("A content begins or ends with blanks or line breaks.")),
        fixable=True,
    ),
    Rule(
        "tool-count",
        "error",
        lambda: (tr("Number of tools"), tr("A list of tools is not empty, and has at most 128.")),
    ),
    Rule(
        "tool-name-invalid",
        "error",
        lambda: (
            tr("Invalid name of a tool"),
            tr("A tool's name has up to 64 letters, digits, underscores and hyphens, without blanks or accents."),
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
        lambda: (tr("Invalid parameters"), tr("A tool's parameters are a JSON schema: an object of the type object.")),
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
            tr("Call id twice"),
            tr("Two calls of the row have the same id, so their results cannot be told apart."),
        ),
    ),
    Rule(
        "image-url-invalid",
        "error",
        lambda: (
            tr("Invalid image"),
            tr("An image is a web address (http or https), or a data URI with its bytes in Base64."),
        ),
    ),
    Rule(
        "image-type",
        "error",
        lambda: (tr("Type of image"), tr("Images are JPEG, PNG or WebP.")),
    ),
    Rule(
        "image-size",
        "error",
        lambda: (tr("Image too large"), tr("An image has at most 10 MB.")),
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
            tr("No input to compare answers to"),
            tr("A row of preferences holds its conversation as messages under the key input."),
        ),
    ),
    Rule(
        "dpo-input-answered",
        "warning",
        lambda: (
            tr("Input ends with an answer"),
            tr(
                "The two answers are compared as replies to the input, so that its last message should not be the assistant's."
            ),
        ),
    ),
    Rule(
        "dpo-output-missing",
        "error",
        lambda: (
            tr("No two answers to compare"),
            tr("A row of preferences has one message each in preferred_output and non_preferred_output."),
        ),
    ),
    Rule(
        "dpo-output-role",
        "error",
        lambda: (tr("Compared message is no answer"), tr("The two messages that are compared are the assistant's.")),
    ),
    Rule(
        "dpo-outputs-equal",
        "error",
        lambda: (tr("Both answers are the same"), tr("When both answers say the same, there is nothing to prefer.")),
    ),
    Rule(
        "dpo-image",
        "error",
        lambda: (tr("Image among preferences"), tr("Rows of preferences are texts only.")),
    ),
    Rule(
        "dpo-old-key",
        "warning",
        lambda: (
            tr("Old spelling of preferences"),
            tr("The keys ending in _completion are now spelled preferred_output and non_preferred_output."),
        ),
        fixable=True,
    ),
]
