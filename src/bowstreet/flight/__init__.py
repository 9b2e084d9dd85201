"""Vehicles, docks and missions over MAVLink, and the failsafe rules that hold without bus or database."""
