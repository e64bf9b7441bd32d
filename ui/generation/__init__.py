"""Dialogs that ask a chat model for rows, facts or judgements."""
