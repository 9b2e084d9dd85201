"""Face models: which files they are, how they are fed and read, what a face's quality is. Nothing here knows whose face it is."""
