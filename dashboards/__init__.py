"""What people see: panels (SQL and encoding) and the live page."""
