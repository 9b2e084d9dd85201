"""Bowstreet: a city's police drones and accountable live facial recognition, in one open program."""

__version__ = "0.1.0"
