"""What chapter 10's networks learn, and what their results are compared with, by the folders of the images."""

from __future__ import annotations

from typing import Final, NamedTuple


class Task(NamedTuple):
    """What one network learns: the folders of its source and of its target images."""

    source: str
    target: str


TASKS: Final = {
    "cytosol": {
        "0.5 s": Task("exposure_0.5s", "exposure_60s"),
        "binned 2": Task("binned_2", "exposure_60s"),
        "binned 4": Task("binned_4", "exposure_60s"),
        "binned 8": Task("binned_8", "exposure_60s"),
        "N2N 5 s": Task("exposure_5s", "exposure_5s_repeat"),
    },
    "h2b": {
        "to 60 s": Task("exposure_0.5s", "exposure_60s"),
        "to fluorescence": Task("exposure_0.5s", "fluorescent"),
    },
    "tomm20": {"to fluorescence": Task("exposure_4s", "fluorescent")},
}
# By structure, what images are judged by.
REFERENCES: Final = {"cytosol": "exposure_60s", "h2b": "exposure_60s", "tomm20": "fluorescent"}
# Images that nothing was trained for, by method.
UNTRAINED: Final = {
    "cytosol": {
        "input 0.5 s": "exposure_0.5s",
        "input 5 s": "exposure_5s",
        "input binned 2": "binned_2",
        "input binned 4": "binned_4",
        "input binned 8": "binned_8",
        "60 s once more": "exposure_60s_repeat",
    },
    "h2b": {"input 0.5 s": "exposure_0.5s", "fluorescence": "fluorescent"},
    "tomm20": {"input 4 s": "exposure_4s", "fluorescence": "fluorescent"},
}
