"""What stands on each page? Rows of the panels at one cut, arranged for reading; nothing is computed in templates."""
