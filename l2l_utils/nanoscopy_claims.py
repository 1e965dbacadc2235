"""The nanoscopy paper's claims, as comparisons fixed before anything was measured."""

from __future__ import annotations

import itertools
from typing import Final

from l2l_utils.claims import Claim, Comparison, compare, each

STRUCTURES: Final = ("actin", "vesicles", "mitochondria")
UNTRAINED: Final = "microtubules"
NETWORKS: Final = ("UNet-R34", "UNet-R50", "FPN-R34")
# What the paper calls VGG took features that were learnt from ImageNet; the record was made without those.
VGG: Final = "VGG/4 random features"
LOSSES: Final = ("L2", "L1", "SSIM", "MS-SSIM", VGG, "MS-SSIM+L1", "SSIM+L1")
EVERY: Final = tuple(" ".join(pair) for pair in itertools.product(NETWORKS, LOSSES))
# The three networks that the paper looks at, M-1 to M-3.
CHOSEN: Final = (f"UNet-R50 {VGG}", "UNet-R50 SSIM+L1", "UNet-R50 L1")
OURS: Final = CHOSEN[2]
BEST: Final = CHOSEN[0]
SPECKLE: Final = ("noise=speckle 0.1", "noise=speckle 0.2")
GAUSSIAN: Final = {"weak": "noise=gaussian 0.01", "strong": "noise=gaussian 0.1"}
ALGORITHMS: Final = {"SOFI": "algorithm=SOFI", "bSOFI": "algorithm=bSOFI", "SRRF": "algorithm=SRRF"}


def _improves(method: str, **others: str) -> tuple[Comparison, Comparison]:
    """Return that a network's images have a higher PSNR and less debris than the noisy ones."""
    return (
        compare("psnr", method, "input", reference="benchmark", **others),
        compare("debris", method, "input", "lower", **others),
    )


def _changes_nothing(method: str, **others: str) -> tuple[Comparison, Comparison]:
    return (
        compare("psnr", method, "input", "not higher", reference="benchmark", **others),
        compare("debris", method, "input", "not lower", **others),
    )


def _best_but_for(*better: str) -> list[Comparison]:
    others = [name for name in EVERY if name not in (BEST, *better)]
    return [compare("psnr", BEST, name, reference="benchmark") for name in others]


NANOSCOPY_CLAIMS: Final = {
    "N01": Claim(
        "The networks suppress artefacts of all three structures",
        each(STRUCTURES, *itertools.chain(*map(_improves, CHOSEN))),
    ),
    "N02": Claim(
        "U-Net R-50 with the VGG loss (here of random features) is best for vesicles and mitochondria, and second, "
        "after FPN R-34 with L2, for actin",
        [*each(("vesicles", "mitochondria"), *_best_but_for()), *each(("actin",), *_best_but_for("FPN-R34 L2"))],
    ),
    "N03": Claim(
        "For FPN R-34, L2 is the best loss",
        each(
            STRUCTURES,
            *(compare("psnr", "FPN-R34 L2", f"FPN-R34 {loss}", reference="benchmark") for loss in LOSSES[1:]),
        ),
    ),
    "N04": Claim(
        "A higher PSNR can go with more debris",
        each(STRUCTURES, compare("higher_psnr_more_debris", "pairs of networks", "none")),
    ),
    "N05": Claim(
        "Networks trained on MUSICAL serve SRRF in part, and SOFI and bSOFI not",
        [
            *each(("vesicles",), *_improves(OURS, condition=ALGORITHMS["SRRF"])),
            *each(
                ("vesicles",),
                *(said for name in ("SOFI", "bSOFI") for said in _changes_nothing(OURS, condition=ALGORITHMS[name])),
            ),
        ],
    ),
    "N06": Claim(
        "Gaussian noise: debris falls at signal to noise 100 and 10; the boundaries come back at 100 and not at 10",
        each(
            ("mitochondria",),
            *(compare("debris", OURS, "input", "lower", condition=noise) for noise in GAUSSIAN.values()),
            compare("boundary_contrast", OURS, "input", condition=GAUSSIAN["weak"]),
            compare("boundary_contrast", OURS, "without noise", "near", condition=GAUSSIAN["weak"]),
            compare("boundary_contrast", OURS, "without noise", "lower", condition=GAUSSIAN["strong"]),
        ),
    ),
    "N07": Claim(
        "Speckle: boundaries get sharper, debris is hardly suppressed",
        each(
            ("mitochondria",),
            *(compare("boundary_contrast", OURS, "input", condition=noise) for noise in SPECKLE),
            *(compare("debris", OURS, "input", "not lower", condition=noise) for noise in SPECKLE),
        ),
    ),
    "N08": Claim(
        "They serve a structure that they were not trained on",
        each(
            (UNTRAINED,),
            *(compare("continuity", name, "input") for name in CHOSEN),
            *(compare("debris", name, "input", "lower") for name in CHOSEN),
        ),
    ),
}
