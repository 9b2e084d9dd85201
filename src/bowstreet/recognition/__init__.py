"""Live facial recognition from fixed cameras only, under a live authority only."""
