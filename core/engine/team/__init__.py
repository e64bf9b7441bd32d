"""What a server of several people needs: users and their keys, ownership, limits, the audit log, counters."""
