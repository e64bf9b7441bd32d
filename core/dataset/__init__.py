"""The examples of a project: found, filtered, edited, imported, exported, counted."""
