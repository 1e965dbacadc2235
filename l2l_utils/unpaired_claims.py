"""The claims about training without pairs, of Label2label and of c2GAN, fixed before anything was measured."""

from __future__ import annotations

from typing import Final

from l2l_utils.claims import ALL, TABLE_S1_LOSS, Claim, compare, each

EXPOSURE: Final = "task=exposure"
WITHOUT_IDENTITY: Final = "task=without identity loss"

UNPAIRED_CLAIMS: Final = {
    "L25": Claim(
        "The CNN trained with pairs beats CycleGAN",
        [
            compare(metric, f"L2L {TABLE_S1_LOSS[name]}", "CycleGAN", says)._replace(dataset=name)
            for name in ALL
            for metric, says in {"ms_ssim_3": "higher", "false_structure": "lower"}.items()
        ],
    ),
    "L26": Claim(
        "CycleGAN changes tubulin and caveolae little, and puts artefacts into actin and paxillin",
        [
            *(
                compare("change", "CycleGAN", f"L2L {TABLE_S1_LOSS[name]}", "lower", reference="none")._replace(
                    dataset=name
                )
                for name in ("tubulin", "caveolae")
            ),
            *each(("actin", "paxillin"), compare("false_structure", "CycleGAN", "input")),
        ],
    ),
    "L27": Claim(
        "Gaussian smoothing before CycleGAN helps", each(ALL, compare("ms_ssim_3", "smoothed CycleGAN", "CycleGAN"))
    ),
    "C01": Claim(
        "The structural constraint prevents biased mappings",
        each(
            ALL,
            *(
                compare(metric, "c2GAN", "CycleGAN", "lower", condition=WITHOUT_IDENTITY)
                for metric in ("structure_error", "failed")
            ),
        ),
    ),
    "C02": Claim(
        "c2GAN does not saturate, the supervised CNN does",
        each(
            ALL,
            compare("saturated", "L2L L1", "benchmark", reference="none", condition=EXPOSURE),
            compare("saturated", "c2GAN", "benchmark", "not higher", reference="none", condition=EXPOSURE),
            compare("saturated", "c2GAN", "L2L L1", "lower", reference="none", condition=EXPOSURE),
        ),
    ),
    "C03": Claim(
        "c2GAN preserves the distribution of intensities better than the CNN",
        each(
            ALL,
            compare("histogram_distance", "c2GAN", "L2L L1", "lower", reference="benchmark", condition=EXPOSURE),
        ),
    ),
    "C04": Claim(
        "c2GAN without pairs is as good as the CNN with pairs",
        each(
            ALL,
            *(
                compare(metric, "c2GAN", "L2L L1", "not lower", reference="benchmark", condition=EXPOSURE)
                for metric in ("psnr", "ssim")
            ),
        ),
    ),
}
