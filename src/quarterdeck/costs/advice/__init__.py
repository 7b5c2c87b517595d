"""What the ledger says beyond sums: is it right, why did a session cost that, what can be priced anew."""
