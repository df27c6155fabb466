"""One folder for each page of the window: page.py holds its widgets, presenter.py what they show and do."""
