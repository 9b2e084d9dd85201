"""Zones and their activation, permissions, traffic between our own flights, routes that are clear."""
