"""Find, follow and locate a subject in drone video: persons and vehicles as shapes, never faces. Nothing here yet."""
