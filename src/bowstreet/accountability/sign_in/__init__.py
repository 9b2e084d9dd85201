"""Ways in besides the password: passkeys, and an identity provider."""
