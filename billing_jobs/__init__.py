"""The jobs: one module, one job, one aaabill command, one systemd timer."""
