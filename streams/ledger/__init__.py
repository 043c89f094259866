"""Where are the facts kept? In a ledger per trial, in order, never edited: `sqlite` for a home of one process."""
