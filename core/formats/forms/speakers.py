"""What other formats and people call the roles of a conversation."""

_ROLES = {
    "user": "human user customer client person questioner prompter ユーザー 用户 質問者",
    "assistant": "gpt assistant chatgpt bing bard model ai bot agent chatbot claude gemini llm アシスタント 助手 回答者",
    "system": "system システム 系统",
    "tool": "tool observation function_response",
}
ROLE_BY_SPEAKER = {speaker: role for role, speakers in _ROLES.items() for speaker in speakers.split()}


def role_of_speaker(speaker: str) -> str:
    """The role that a speaker has; an unknown one stays unchanged for the checks to find."""
    return ROLE_BY_SPEAKER.get(speaker.strip().casefold(), speaker)
