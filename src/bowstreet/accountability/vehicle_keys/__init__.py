"""The keys that vehicles sign with: made for one vehicle, shown once, replaced, revoked; all of it recorded."""
