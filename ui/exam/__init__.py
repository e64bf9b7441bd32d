"""The exam tab: who is examined, and the results."""
