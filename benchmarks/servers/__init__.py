"""The servers that are compared: how each is filled, started, watched and stopped."""
