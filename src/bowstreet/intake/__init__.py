"""Calls become incidents: parse, de-duplicate, grade, quarantine."""
