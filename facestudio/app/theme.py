"""How the window looks: the tokens of the design, a palette and one small style sheet made from them, on Qt's own Fusion style."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from facestudio.paths import resources_dir

SPACING = (4, 8, 12, 16, 24)
RADIUS = 8


@dataclass(frozen=True)
class Tokens:
    """Colours as #RRGGBB. surface_0: window, surface_1: panels, surface_2: raised and hovered. on_accent: text on the accent colour."""

    surface_0: str
    surface_1: str
    surface_2: str
    line: str
    text: str
    text_dim: str
    accent: str
    on_accent: str
    ok: str
    warn: str
    bad: str

    @property
    def is_dark(self) -> bool:
        """True for the dark theme."""
        return QColor(self.surface_0).lightness() < 128


DARK = Tokens(
    surface_0="#14161A",
    surface_1="#1B1E24",
    surface_2="#242832",
    line="#2F3440",
    text="#E8EAED",
    text_dim="#9AA3B2",
    accent="#5B9DFF",
    on_accent="#0B1220",
    ok="#4CC38A",
    warn="#E5B454",
    bad="#E96D66",
)
LIGHT = Tokens(
    surface_0="#F3F4F6",
    surface_1="#FFFFFF",
    surface_2="#E9ECF1",
    line="#D3D8E0",
    text="#171A1F",
    text_dim="#566072",
    accent="#1F63D0",
    on_accent="#FFFFFF",
    ok="#1A7A4C",
    warn="#8A5A00",
    bad="#C0322B",
)


class Theme(QObject):
    """The theme in force. changed(Tokens): the system or the operator chose the other one; repaint what you painted yourself."""

    changed = Signal(object)

    def __init__(self, app: QApplication, setting: str = "system") -> None:
        super().__init__(app)
        self._app, self._setting = app, setting
        self.tokens = DARK
        app.setStyle("Fusion")
        font = QFont(app.font())
        font.setPixelSize(13)
        app.setFont(font)
        app.styleHints().colorSchemeChanged.connect(self._follow)
        self.choose(setting)

    def choose(self, setting: str) -> None:
        """Follow the system ("system"), or stay "light" or "dark"."""
        self._setting = setting
        if setting == "system":
            dark = self._app.styleHints().colorScheme() != Qt.ColorScheme.Light
        else:
            dark = setting == "dark"
        self._apply(DARK if dark else LIGHT)

    def _follow(self) -> None:
        if self._setting == "system":
            self.choose("system")

    def _apply(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._app.setPalette(palette(tokens))
        self._app.setStyleSheet(style_sheet(tokens))
        self.changed.emit(tokens)


_theme: list[Theme] = []


def install_theme(app: QApplication, setting: str = "system") -> Theme:
    """Make the application's theme; called once, before the first widget."""
    _theme[:] = [Theme(app, setting)]
    return _theme[0]


def theme() -> Theme:
    """The application's theme; one is made when there is none yet (in a test of a single widget)."""
    app = QApplication.instance()
    if not _theme and isinstance(app, QApplication):
        install_theme(app)
    return _theme[0]


def tokens() -> Tokens:
    """The colours in force."""
    return theme().tokens


def palette(t: Tokens) -> QPalette:
    """Qt's palette from the tokens, so that widgets nobody styled look right too."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    result = QPalette()
    colours = {
        role.Window: t.surface_0,
        role.WindowText: t.text,
        role.Base: t.surface_1,
        role.AlternateBase: t.surface_2,
        role.Text: t.text,
        role.Button: t.surface_2,
        role.ButtonText: t.text,
        role.BrightText: t.bad,
        role.ToolTipBase: t.surface_2,
        role.ToolTipText: t.text,
        role.PlaceholderText: t.text_dim,
        role.Highlight: t.accent,
        role.HighlightedText: t.on_accent,
        role.Link: t.accent,
        role.LinkVisited: t.accent,
        role.Light: t.surface_2,
        role.Midlight: t.line,
        role.Mid: t.line,
        role.Dark: t.line,
        role.Shadow: t.surface_0,
        role.Accent: t.accent,
    }
    for which, colour in colours.items():
        result.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(group.Disabled, which, QColor(t.text_dim))
    result.setColor(group.Disabled, role.Highlight, QColor(t.line))
    return result


def style_sheet(t: Tokens) -> str:
    """The style sheet. A widget asks for its look by the property `look`: heading, dim, primary, quiet, card, panel."""
    arrow = (resources_dir() / "theme" / "arrow.svg").as_posix()
    check = (resources_dir() / "theme" / f"check-{'dark' if t.is_dark else 'light'}.svg").as_posix()
    return f"""
QToolTip {{ background: {t.surface_2}; color: {t.text}; border: 1px solid {t.line}; padding: 4px 8px; }}
QLabel[look="heading"] {{ font-size: 16px; font-weight: 600; }}
QLabel[look="title"] {{ font-size: 22px; font-weight: 600; }}
QLabel[look="section"] {{ font-weight: 600; color: {t.text_dim}; }}
QLabel[look="dim"] {{ color: {t.text_dim}; }}
QLabel[look="ok"] {{ color: {t.ok}; }}
QLabel[look="warn"] {{ color: {t.warn}; }}
QLabel[look="bad"] {{ color: {t.bad}; }}
QFrame[look="panel"], QWidget[look="panel"] {{ background: {t.surface_1}; }}
QFrame[look="card"] {{ background: {t.surface_1}; border: 1px solid {t.line}; border-radius: {RADIUS}px; }}
QFrame[look="card-bad"] {{ background: {t.surface_1}; border: 1px solid {t.bad}; border-radius: {RADIUS}px; }}
QFrame[look="line"] {{ background: {t.line}; border: none; }}
QPushButton {{ background: {t.surface_2}; border: 1px solid {t.line}; border-radius: 6px; padding: 6px 14px; min-height: 18px; }}
QPushButton:hover {{ border-color: {t.text_dim}; }}
QPushButton:pressed {{ background: {t.surface_1}; }}
QPushButton:checked {{ border-color: {t.accent}; color: {t.accent}; }}
QPushButton:focus {{ border: 1px solid {t.accent}; }}
QPushButton:disabled {{ color: {t.text_dim}; background: {t.surface_1}; }}
QPushButton[look="primary"] {{ background: {t.accent}; color: {t.on_accent}; border-color: {t.accent}; font-weight: 600; }}
QPushButton[look="primary"]:focus {{ border: 2px solid {t.text}; padding: 5px 13px; }}
QPushButton[look="primary"]:disabled {{ background: {t.surface_2}; color: {t.text_dim}; border-color: {t.line}; }}
QPushButton[big="true"] {{ min-height: 32px; }}
QPushButton[look="quiet"] {{ background: transparent; border-color: transparent; padding: 4px 8px; }}
QPushButton[look="quiet"]:hover {{ background: {t.surface_2}; }}
QPushButton[look="quiet"]:focus {{ border-color: {t.accent}; }}
QPushButton[look="danger"] {{ color: {t.bad}; }}
QPushButton[look="danger"]:disabled {{ color: {t.text_dim}; }}
QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 4px; }}
QToolButton:hover {{ background: {t.surface_2}; }}
QToolButton:checked {{ background: {t.surface_2}; color: {t.accent}; }}
QToolButton:focus {{ border-color: {t.accent}; }}
QToolButton[look="rail"] {{ border-radius: 0; border: none; border-left: 3px solid transparent; color: {t.text_dim};
    font-size: 11px; padding: 8px 0 6px 0; }}
QToolButton[look="rail"]:hover {{ background: {t.surface_2}; color: {t.text}; }}
QToolButton[look="rail"]:checked {{ border-left-color: {t.accent}; color: {t.text}; background: {t.surface_2}; }}
QToolButton[look="rail"]:focus {{ color: {t.accent}; }}
QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QSpinBox, QDoubleSpinBox {{ background: {t.surface_1}; border: 1px solid {t.line};
    border-radius: 6px; padding: 4px 8px; min-height: 20px; selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus {{
    border-color: {t.accent}; }}
QComboBox::drop-down {{ border: none; width: 26px; }}
QComboBox::down-arrow {{ image: url("{arrow}"); width: 12px; height: 12px; }}
QComboBox:disabled {{ color: {t.text_dim}; background: {t.surface_0}; }}
QComboBox QAbstractItemView {{ background: {t.surface_1}; border: 1px solid {t.line}; }}
QCheckBox {{ spacing: 8px; }}
QCheckBox::indicator {{ width: 16px; height: 16px; border: 1px solid {t.text_dim}; border-radius: 4px; background: {t.surface_1}; }}
QCheckBox::indicator:checked {{ background: {t.accent}; border-color: {t.accent}; image: url("{check}"); }}
QCheckBox::indicator:focus, QCheckBox::indicator:hover {{ border-color: {t.accent}; }}
QToolButton::menu-indicator {{ image: none; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
QScrollBar::handle {{ background: {t.line}; border-radius: 4px; margin: 2px; min-height: 32px; min-width: 32px; }}
QScrollBar::handle:hover {{ background: {t.text_dim}; }}
QScrollBar::handle:disabled {{ background: transparent; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QScrollArea {{ border: none; background: transparent; }}
QSplitter::handle {{ background: {t.line}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {t.line}; }}
QTabBar {{ qproperty-drawBase: 0; }}
QTabBar::tab {{ background: transparent; color: {t.text_dim}; padding: 8px 12px; border: none; border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {t.text}; border-bottom-color: {t.accent}; }}
QTabBar::tab:focus {{ color: {t.accent}; }}
QMenu {{ background: {t.surface_1}; border: 1px solid {t.line}; padding: 4px; }}
QMenu::item {{ padding: 6px 24px 6px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {t.surface_2}; }}
"""
