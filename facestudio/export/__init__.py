"""Heads as files: GLB, OBJ, JSON, a picture and a report, written as one folder or not at all."""
