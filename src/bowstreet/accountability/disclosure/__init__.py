"""What the public is told: releases made from the record, once, never changed, each bound to a checkpoint of the ledger."""
