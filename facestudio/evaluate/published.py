"""Published results to stand beside ours: FaceScape's benchmark as MFNet's paper prints it (tables 1 to 3).

CD in mm, MNE in rad, CR as a share.
"""

from __future__ import annotations

from dataclasses import dataclass

ANGLES = ("0-5", "5-30", "30-60", "60-90")
Row = tuple[float, float, float]


@dataclass(frozen=True)
class Published:
    """One method's row: (CD, MNE, CR) by group of ANGLES for FS-Wild, or a single one for FS-Lab."""

    method: str
    values: tuple[Row, ...]


TABLE1_WILD = (
    Published("PRNet", ((2.61, 0.12, 0.83), (3.11, 0.11, 0.83), (4.25, 0.11, 0.78), (3.88, 0.14, 0.75))),
    Published("Deep3DFaceRec", ((2.30, 0.07, 0.83), (2.50, 0.07, 0.83), (3.56, 0.08, 0.77), (6.81, 0.14, 0.62))),
    Published("RingNet", ((2.40, 0.08, 0.99), (2.99, 0.09, 0.99), (4.78, 0.10, 0.98), (10.7, 0.18, 0.97))),
    Published("MGCNet", ((2.97, 0.07, 0.84), (2.94, 0.07, 0.85), (2.78, 0.07, 0.81), (4.20, 0.09, 0.74))),
    Published("3DDFA V2", ((2.49, 0.07, 0.86), (2.66, 0.07, 0.86), (3.17, 0.07, 0.83), (3.67, 0.09, 0.79))),
    Published("DECA", ((2.88, 0.08, 0.99), (2.64, 0.07, 0.99), (2.88, 0.08, 0.99), (4.83, 0.11, 0.99))),
    Published("MFNet (paper)", ((3.98, 0.11, 0.99), (4.07, 0.11, 0.99), (3.60, 0.10, 0.99), (5.25, 0.12, 0.99))),
)
TABLE2_LAB = (
    Published("DECA", ((5.25, 0.16, 0.97),)),
    Published("Deep3DFaceRec", ((5.28, 0.15, 0.80),)),
    Published("PRNet", ((4.97, 0.15, 0.85),)),
    Published("facescape opti", ((5.14, 0.16, 0.76),)),
    Published("MFNet (paper)", ((4.89, 0.14, 0.99),)),
)
TABLE3_ABLATION = (
    Published("- multiop", ((4.29, 0.12, 0.98), (4.43, 0.12, 0.99), (3.62, 0.09, 0.99), (5.12, 0.12, 0.99))),
    Published("- singlelmk", ((6.54, 0.14, 0.99), (5.85, 0.13, 0.99), (12.2, 0.18, 0.97), (38.6, 0.25, 0.93))),
    Published("- eye", ((140.0, 0.33, 0.99), (423.0, 0.38, 0.98), (61.8, 0.24, 0.96), (5.91, 0.14, 0.99))),
    Published("- lip", ((6.95, 0.13, 0.99), (11.2, 0.15, 0.98), (13.7, 0.17, 0.94), (13.6, 0.18, 0.95))),
    Published("- reg", ((23.3, 0.19, 0.99), (32.3, 0.19, 0.99), (7.39, 0.12, 0.99), (8.75, 0.16, 0.99))),
    Published("MFNet (paper)", ((3.98, 0.11, 0.98), (4.06, 0.11, 0.98), (3.60, 0.10, 0.99), (5.25, 0.12, 0.99))),
)


def beside(table: tuple[Published, ...], ours: Published) -> str:
    """A Markdown table of the published rows and ours. Raises ValueError when they have not the same groups."""
    groups = len(ours.values)
    if any(len(row.values) != groups for row in table):
        raise ValueError(f"the published rows do not have {groups} groups")
    heads = ANGLES if groups == len(ANGLES) else ("all",) * groups
    lines = ["| method | " + " | ".join(f"{head}: CD / MNE / CR" for head in heads) + " |", "|---" * (groups + 1) + "|"]
    for row in (*table, ours):
        cells = (f"{cd:.3g} / {mne:.2f} / {cr:.2f}" for cd, mne, cr in row.values)
        lines.append(f"| {row.method} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
