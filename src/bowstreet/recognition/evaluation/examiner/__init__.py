"""Photographs of one person each, from outside: looked at in limited processes, and answered with a reference or a reason."""
