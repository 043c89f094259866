"""Where it flows: one file per arrow, the ledger, the store, the importers."""
