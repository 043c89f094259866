"""When does a group of participants meet its stopping rule, and how often would it by chance?"""
