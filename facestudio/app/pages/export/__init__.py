"""The Export page: which files a head becomes, where they go, and what was written."""
