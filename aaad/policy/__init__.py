"""Decisions of the daemon: facts in, decision out. No IO, no clock."""
