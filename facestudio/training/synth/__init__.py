"""Synthetic subjects: OpenHead identities dressed in MakeHuman's CC0 skins, hair and brows, rendered with known truth."""
