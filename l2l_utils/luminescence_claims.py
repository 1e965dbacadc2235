"""The luminescence paper's claims, as comparisons fixed before anything was measured; U06 is judged by `phenotype`."""

from __future__ import annotations

from typing import Final

from l2l_utils.claims import Claim, compare, each

_COARSE: Final = ("input binned 2", "input binned 4", "input binned 8", "bicubic 8")


def _restored(task: str) -> str:
    return f"restored {task} Laplace"


LUMINESCENCE_CLAIMS: Final = {
    "U01": Claim(
        "An exposure of 0.5 s, restored, is as near to 60 s as another exposure of 60 s is",
        each(
            ("cytosol",),
            compare("mask_error", _restored("0.5 s"), "60 s once more", "not clearly other", reference="benchmark"),
        ),
    ),
    "U02": Claim(
        "The resolution that 8 x 8 binning lost is restored",
        each(
            ("cytosol",),
            *(
                compare(metric, _restored("binned 8"), name, says, reference="benchmark")
                for metric, says in {"mask_error": "lower", "ssim": "higher"}.items()
                for name in _COARSE
            ),
        ),
    ),
    "U03": Claim(
        "Noise2noise from two exposures of 5 s is as near to 60 s as another exposure of 60 s is",
        each(
            ("cytosol",),
            compare("mask_error", _restored("N2N 5 s"), "60 s once more", "not clearly other", reference="benchmark"),
        ),
    ),
    "U04": Claim(
        "A fluorescent target serves as well as a long exposure",
        each(
            ("h2b",),
            compare(
                "correlation",
                _restored("to fluorescence"),
                _restored("to 60 s"),
                "at most 0.02 other",
                reference="benchmark",
            ),
        ),
    ),
    "U05": Claim(
        "Luminescence of mitochondria, exposed for 4 s, restores to the fluorescent image",
        each(
            ("tomm20",),
            *(
                compare(metric, _restored("to fluorescence"), "input 4 s", reference="benchmark")
                for metric in ("ssim", "correlation")
            ),
        ),
    ),
    "U06": Claim(
        "Treated and control cells differ as much in restored as in fluorescent images",
        [],
    ),
}
