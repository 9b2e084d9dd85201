"""The HTTP API, the live feed and the web console's assets."""
