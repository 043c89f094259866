"""The facts, one file per family: trial, participants, adverse events, dosing, labs, vitals, imaging, medication, people."""
