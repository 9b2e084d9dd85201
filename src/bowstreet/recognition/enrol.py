"""Enrolment will live here: the one writer of the watchlist."""
