"""The window of the guide: its pages, offline, with a search over them."""
