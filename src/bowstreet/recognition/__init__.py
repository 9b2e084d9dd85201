"""Fixed cameras only, under a live authority only. Nothing here yet; the import contracts that fence it stand already."""
