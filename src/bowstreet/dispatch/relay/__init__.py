"""Eyes that stay on a scene: the drone over it is relieved by the next before its charge is used up."""
