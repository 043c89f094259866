"""The command line and the settings: puts the parts together, holds no logic."""
