"""Occurrences: what went wrong in the air, who must be told of it by when, and a signed report that verifies anywhere (D8)."""
