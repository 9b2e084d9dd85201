"""What partners see in their TAK: drones, incidents, look-at points and followed subjects as Cursor on Target (docs/tak.md)."""
