"""The project file: its connections, its lock and log, undo, backups, and work in processes of their own."""
