"""Recorded footage given out as evidence: one file that anybody can verify elsewhere, offline, without trusting who gave it."""
