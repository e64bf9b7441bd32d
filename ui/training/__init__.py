"""The training tab: the form, the queue and the jobs."""
