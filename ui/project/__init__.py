"""Opening, copying and backing up a project."""
