"""The facts, one file per family: trial, participants, adverse events, doses, labs, vitals, imaging, people…"""
