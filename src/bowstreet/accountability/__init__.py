"""The ledger and its proofs, accounts and authority. What happened can be checked without trusting the operator."""
