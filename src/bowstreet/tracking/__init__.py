"""Find, follow and locate a subject in drone video: persons and vehicles as shapes, never faces.

`analyst.Lookout` is what the worker of a stream loads. `rules` decides (whom a candidate may be, how long a follow may last);
`locate` turns a pixel into a place with its error ellipse; the other files are one real thing each. `docs/tracking.md` tells what
each figure means.
"""
