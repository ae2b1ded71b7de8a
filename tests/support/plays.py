"""A play of one step, and the folder of the example plays."""

from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "config" / "examples" / "plays"
PLAY = """
id = "one"
title = "One"
summary = "One step."
from_service = "families"
roles = ["key-worker"]

[[steps]]
id = "police"
title = "Tell the police"
kind = "alert"
topic = "safeguarding"
to = "https://police.example#pvp"
purpose = "safeguarding"
urgency = "red"
persons = ["victim"]
if_victim_says_no = "send"
because = "A person is in danger."
[steps.statements]
circumstances = "circumstances"
"""
