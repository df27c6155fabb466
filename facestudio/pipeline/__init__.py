"""The only place where steps meet: one module for each thing a user can ask for."""
