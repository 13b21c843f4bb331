"""IO of the daemon: sockets, journal, directory, poster, enforcer."""
