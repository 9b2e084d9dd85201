"""The list of wanted people will live here. Only `recognition.match` and `recognition.enrol` may import it."""
