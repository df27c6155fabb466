"""Readers of the data sets that heads are measured against."""
