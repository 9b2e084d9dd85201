"""The public pages: what was flown, from releases that are bound to the ledger; and where people ask and complain. No sign-in, no
script, no cookie."""
