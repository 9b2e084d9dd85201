"""Pictures for a list: each read in a limited process, of one face, measured, and kept without anything else of its file."""
