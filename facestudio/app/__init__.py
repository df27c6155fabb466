"""The window. It shows what the floors below compute, and computes nothing itself: the only place where Qt is imported."""

from facestudio.app.singletons import make_singletons_immortal

make_singletons_immortal()
