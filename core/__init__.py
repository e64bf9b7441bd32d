"""All of Juku that needs no window."""

__version__ = "0.2.0"
