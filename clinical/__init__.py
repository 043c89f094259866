"""What it means: grades, rules, boundaries, the fold. Pure: no I/O, no clock, no randomness. The one door: `monitor.step`."""
