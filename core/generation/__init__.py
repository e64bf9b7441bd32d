"""Rows, facts and specs made with a chat model or from templates."""
