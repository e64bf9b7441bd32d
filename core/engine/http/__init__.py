"""The routes of the server, and what it accepts in a request."""
