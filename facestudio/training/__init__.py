"""What is learned rather than written: the studies and trainings that make the files in models/."""
