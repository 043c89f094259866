"""Files for people who have Docker and Grafana, held against the code."""
