"""The demonstration: `make demo`. A NAS, a clerk and a screen around the real daemon."""
