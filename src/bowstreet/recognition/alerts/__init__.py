"""Alerts and what people decide on them: no path leads from a score to an action (R11)."""
