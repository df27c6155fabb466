"""What is kept: subjects, sessions and captures in plain folders, with an index that can be thrown away (ADR 0005)."""
