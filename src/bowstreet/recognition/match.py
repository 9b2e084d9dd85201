"""Matching will live here: the one reader of the watchlist."""
