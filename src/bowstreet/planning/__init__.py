"""Demand, siting, coverage, roll-out: where docks go and what they buy."""
