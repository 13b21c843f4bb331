"""RADIUS on the wire, sans IO: bytes in, values out."""
