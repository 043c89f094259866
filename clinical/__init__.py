"""What it means: grades, rules, boundaries, the fold. Pure: no I/O, no clock, no chance. The door: `monitor.step`."""
