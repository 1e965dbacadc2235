"""The paper's claims about losses and methods, as comparisons fixed before anything was measured."""

from __future__ import annotations

from typing import Final, NamedTuple

LOSSES: Final = ("L1", "5S-SSIM", "3S-SSIM", "SSIM")  # from the most to the least cautious
ALL: Final = ("actin", "tubulin", "caveolae", "paxillin")
BLAMED: Final = ("actin", "caveolae", "paxillin")  # for hallucinations of N2N
RELATIVES: Final = ("SSIM", "3S-SSIM", "5S-SSIM", "L1")
FILTERS: Final = ("gaussian", "rolling_ball", "top_hat", "clahe")
CLOSE_NM: Final = (180, 225, 270, 315)


class Comparison(NamedTuple):
    """What a claim says of two methods on one data set: the first's metric is ... than the second's."""

    dataset: str
    metric: str
    first: str
    second: str
    says: str = "higher"  # or what else `scorecard` knows
    reference: str = "truth"
    condition: str = ""


class Claim(NamedTuple):
    """One claim: its words, and the comparisons that it stands on; it is reproduced if all of them hold."""

    words: str
    comparisons: list[Comparison]


def each(datasets: tuple[str, ...], *comparisons: Comparison) -> list[Comparison]:
    """Return the comparisons for each data set."""
    return [comparison._replace(dataset=dataset) for dataset in datasets for comparison in comparisons]


def compare(metric: str, first: str, second: str, says: str = "higher", **others: str) -> Comparison:
    """Return a comparison whose data set is still to be named."""
    return Comparison("", metric, first, second, says, **others)


def _in_order(metric: str, names: list[str], **others: str) -> list[Comparison]:
    """Return that the metric falls from name to name."""
    return [compare(metric, *names[i : i + 2], **others) for i in range(len(names) - 1)]


OURS: Final = "L2L 3S-SSIM"
CLAIMS: Final = {
    "L02": Claim(
        "L2L, by its best loss, raises the similarity to the benchmark",
        each(ALL, compare("ms_ssim_5", "L2L best", "input", reference="benchmark")),
    ),
    "L03": Claim(
        "5S-SSIM as loss gives the highest 5S-SSIM; for actin also the best PSNR",
        [
            *each(
                ALL,
                *(
                    compare("ms_ssim_5", "L2L 5S-SSIM", f"L2L {loss}", reference="benchmark")
                    for loss in LOSSES
                    if loss != "5S-SSIM"
                ),
            ),
            *each(
                ("actin",),
                *(
                    compare("psnr", "L2L 5S-SSIM", f"L2L {loss}", reference="benchmark")
                    for loss in LOSSES
                    if loss != "5S-SSIM"
                ),
            ),
        ],
    ),
    "L04": Claim(
        "For tubulin, L1 lowers the similarity to the benchmark",
        each(("tubulin",), compare("ms_ssim_5", "L2L L1", "input", "lower", reference="benchmark")),
    ),
    "L05": Claim(
        "An MS-SSIM loss restores structure better than L1",
        each(("actin", "tubulin", "caveolae"), compare("ms_ssim_3", OURS, "L2L L1")),
    ),
    "L06": Claim("L2L beats N2N", each(ALL, compare("ms_ssim_3", OURS, "N2N 3S-SSIM"))),
    "L07": Claim(
        "N2N keeps the background, L2L removes it",
        each(
            ALL,
            compare("background", OURS, "N2N 3S-SSIM", "lower"),
            compare("background", "N2N 3S-SSIM", "input", "near"),
        ),
    ),
    "L08": Claim(
        "L2L exceeds the benchmark's contrast",
        each(ALL, compare("michelson", OURS, "benchmark", reference="none")),
    ),
    "L10": Claim(
        "L2L and N2N beat the average of 20 frames",
        each(ALL, *(compare("ms_ssim_3", f"{method} 3S-SSIM", "average") for method in ("L2L", "N2N"))),
    ),
    "L11": Claim(
        "With SSIM losses N2N hallucinates, L2L much less",
        each(BLAMED, *(compare("false_structure", f"N2N {loss}", f"L2L {loss}") for loss in ("SSIM", "3S-SSIM"))),
    ),
    "L12": Claim(
        "The fewer scales, the more N2N hallucinates",
        each(BLAMED, *_in_order("false_structure", [f"N2N {loss}" for loss in RELATIVES])),
    ),
    "L13": Claim(
        "Microtubules narrow from raw to N2N to L2L and with fewer scales; L2L with SSIM is nearest to STED",
        each(
            ("tubulin",),
            *_in_order("fwhm_nm", ["input", "N2N 3S-SSIM", OURS], reference="none"),
            *_in_order("fwhm_nm", [f"L2L {loss}" for loss in LOSSES], reference="none"),
            *(
                compare("off_sted_nm", "L2L SSIM", f"{method} {loss}", "lower", reference="none")
                for method in ("L2L", "N2N")
                for loss in LOSSES
                if (method, loss) != ("L2L", "SSIM")
            ),
        ),
    ),
    "L14": Claim(
        "Classical filters do not narrow the microtubules",
        each(("tubulin",), *(compare("fwhm_nm", name, "input", "not lower", reference="none") for name in FILTERS)),
    ),
    "L15": Claim(
        "Packed microtubules collapse into one, where STED shows two",
        each(("tubulin",), *(compare("resolved", OURS, "STED", "lower", condition=f"distance={d}") for d in CLOSE_NM)),
    ),
    "L16": Claim(
        "The benchmark's uneven labelling does not appear in the restoration",
        each(("tubulin",), compare("variation", OURS, "benchmark", "lower")),
    ),
    "L17": Claim(
        "The network improves the benchmark images themselves",
        each(ALL, compare("ms_ssim_3", "restored benchmark 3S-SSIM", "benchmark")),
    ),
    "L18": Claim(
        "L2L fills in weakly labelled structure",
        each(("actin", "paxillin"), compare("missed_weak", OURS, "input", "lower")),
    ),
    "L19": Claim(
        "Restored intensity tells less of the amount of label than the raw image's does",
        each(ALL, compare("label_correlation", OURS, "input", "lower")),
    ),
    "L20": Claim(
        "For caveolae L1 loses the weak ones, of which 3S-SSIM restores more",
        each(("caveolae",), compare("missed_weak", "L2L L1", OURS)),
    ),
    "L21": Claim(
        "For paxillin L1 invents least, although 5S-SSIM scores higher",
        each(
            ("paxillin",),
            *(compare("false_structure", "L2L L1", f"L2L {loss}", "lower") for loss in LOSSES[1:]),
            compare("ms_ssim_5", "L2L 5S-SSIM", "L2L L1", reference="benchmark"),
        ),
    ),
    "L22": Claim(
        "PSNR does not forecast which loss makes the fewest structure errors",
        each(ALL, compare("rank_correlation", "L2L", "none", "not higher")),
    ),
    "L24": Claim(
        "Training in the reverse order, or in both, is worse or no better",
        each(ALL, *(compare("ms_ssim_3", f"{name} 3S-SSIM", OURS, "not higher") for name in ("reversed", "both"))),
    ),
}

# The losses of the paper's comparison with filters, Table S1.
TABLE_S1_LOSS: Final = {name: "L1" if name == "paxillin" else "3S-SSIM" for name in ALL}
_AT_THEIR_BEST: Final = (*(f"tuned {name}" for name in FILTERS), "wiener")
FILTER_CLAIMS: Final = {
    "L09": Claim(
        "L2L beats each classical filter: at the paper's settings against the benchmark, and at its best, with the "
        "best linear filter, against the truth",
        [
            compare("ms_ssim_3", f"L2L {loss}", name, reference=reference)._replace(dataset=dataset)
            for dataset, loss in TABLE_S1_LOSS.items()
            for reference, names in {"benchmark": FILTERS, "truth": _AT_THEIR_BEST}.items()
            for name in names
        ],
    ),
    "L36": Claim(
        "L2L makes masks and distance maps better than filters and N2N do",
        [
            compare(metric, f"L2L {loss}", name, says)._replace(dataset=dataset)
            for dataset, loss in TABLE_S1_LOSS.items()
            for metric, says in {"dice": "higher", "distance_error_px": "lower"}.items()
            for name in ("input", *FILTERS, *_AT_THEIR_BEST, f"N2N {loss}")
        ],
    ),
}
