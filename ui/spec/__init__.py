"""The spec tab: text, facts and chat."""
