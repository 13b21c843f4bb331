"""The control socket and aaactl."""
