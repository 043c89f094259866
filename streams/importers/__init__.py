"""How does the history of a trial that was kept elsewhere become facts? One reader per format, one package each."""
