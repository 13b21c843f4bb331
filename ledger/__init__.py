"""The books: what the daemon, the jobs and the console share."""
