"""The methods paragraph, sentence by sentence, of networks that were really trained."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from csbdeep.models import CARE, Config

from l2l_utils import __version__, manuscript, patches, training

RECIPE = training.Recipe(
    epochs=2,
    steps_per_epoch=3,
    batch_size=4,
    learning_rate=0.002,
    patch_px=32,
    n_patches_per_image=5,
    unet_n_first=4,
    unet_kern_size=3,
    precision="float32",
    pmin=2,
    pmax=99.5,
    augmentation=patches.Augmentation((0.5, 1.5), flips=True),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory, pairs):
    """Train label2label on two pairs of images; the folder of a second seed is a copy that says so."""
    output = tmp_path_factory.mktemp("output")
    split = patches.split_images(pairs, n_validation=1, rng=np.random.default_rng(0))
    model = training.train_network(split, method="L2L", loss="SSIM", seed=0, folder=output, recipe=RECIPE)
    again = Path(shutil.copytree(model.logdir, model.logdir.with_name("L2L_SSIM_seed3")))
    content = json.loads((again / "training.json").read_text("utf-8"))
    (again / "training.json").write_text(json.dumps(content | {"seed": 3}), "utf-8")
    return [model.logdir, again]


def read(folder, **options):
    """Return the sentences of a paragraph, without their full stops, what is not on record, and the references."""
    text, references = manuscript.methods_paragraph(folder, **options).split(" References: ")
    body, missing = re.fullmatch(r"(.*) \[Not on record, to be added: (.*)\.\]", text).groups()
    return re.split(r"\. ", body.removesuffix(".")), missing.split("; "), references.removesuffix(".").split("; ")


def test_every_sentence_is_on_record(folders):
    """Each sentence says what the files say, and there are no others."""
    content = json.loads((folders[0] / "training.json").read_text("utf-8"))
    versions = content["versions"]
    assert len(content["about"]["sha256"]) == 2
    assert read(folders[0], n_held_out=7)[0] == [
        "Networks were trained by label2label (Kölln et al., 2022): from images of one label to images of another "
        "label of the same structure",
        f"The network is the U-Net (Ronneberger et al., 2015) of CARE (Weigert et al., 2018) in CSBDeep "
        f"{versions['csbdeep']} that adds its input to its result, of depth 2, with 4 filters in its first layer and "
        "kernels of 3 px, for planes with 1 channel in and 1 out",
        "It was trained on 10 patches of 32 x 32 px, 5 from each of 2 image pairs, cut where the target is brighter "
        "than background",
        "Each image was normalised so that its percentiles 2 and 99.5 became 0 and 1, and clipped to that range",
        "Every second patch was zoomed by 0.5 or 1.5, turned by a random number of right angles and mirrored at "
        "random, source and target alike",
        "The loss is 1 minus the structural similarity index (SSIM; Wang et al., 2004)",
        "It was minimised by Adam (Kingma and Ba, 2015) in 2 epochs of 3 steps with 4 patches each, at a learning rate "
        "of 0.002, multiplied by 0.5 after 10 epochs without a lower validation loss",
        "There were 2 trainings with the random seeds 0 and 3",
        f"With the seed 0, the weights of epoch {content['best_epoch']} were kept, whose loss on "
        f"{content['patches']['validation']} validation patches was the lowest ({content['best_val_loss']:.3g})",
        f"Training computed in float32 and took {content['seconds']:.0f} s on {content['device']}, with l2l_utils "
        f"{__version__}, CSBDeep {versions['csbdeep']}, TensorFlow {versions['tensorflow']} and NumPy "
        f"{versions['numpy']}",
        f"To be restored, an image is normalised in the same way; large ones pass in overlapping tiles (l2l_utils "
        f"{__version__})",
        "The result was judged on 7 image pairs held out from training and from the choice of weights",
    ]


def test_what_is_missing_and_who_is_cited(folders):
    """What no folder knows is left to the authors; references are those of the text, each with its DOI."""
    _, missing, references = read(folders[0])
    assert missing == ["sample, labels and microscope", "images that the result was judged on"]
    assert read(folders[0], n_held_out=7)[1] == ["sample, labels and microscope"]
    cited = {"Kölln", "Ronneberger", "Weigert", "Kingma", "Wang"}
    assert {reference.split()[0] for reference in references} == cited
    assert all(re.search(r", https://doi\.org/10\.\d{4,}/\S+$", reference) for reference in references)


def test_a_training_of_another_kind_is_no_repetition(folders, tmp_path):
    """Only folders that differ in the seed alone count as repetitions."""
    for folder in folders:
        (tmp_path / folder.name).mkdir()
        for name in ("config.json", "training.json"):
            (tmp_path / folder.name / name).write_bytes((folder / name).read_bytes())
    other = tmp_path / folders[1].name / "training.json"
    content = json.loads(other.read_text("utf-8"))
    other.write_text(json.dumps(content | {"about": content["about"] | {"n_per_image": 6}}), "utf-8")
    assert "There was one training with the random seed 0" in read(tmp_path / folders[0].name)[0]


def test_a_model_without_images_on_record(model):
    """Of patches that came from nowhere neither number of images nor augmentation is claimed."""
    sentences, missing, _ = read(model.logdir)
    assert not [sentence for sentence in sentences if "image pairs" in sentence or "augmented" in sentence]
    assert "training images" in missing
    assert sentences[0].startswith("The network is the U-Net")


def test_a_model_of_plain_csbdeep(tmp_path):
    """Its configuration is told, and everything else is named as missing."""
    CARE(Config("YX", unet_n_depth=3, train_epochs=40, probabilistic=True), "theirs", str(tmp_path))
    sentences, missing, references = read(tmp_path / "theirs")
    assert sentences == [
        "The network is the U-Net (Ronneberger et al., 2015) of CARE (Weigert et al., 2018) in CSBDeep that adds its "
        "input to its result, of depth 3, with 32 filters in its first layer and kernels of 5 px, for planes with 1 "
        "channel in and 1 out",
        "Its configuration names as loss the negative log-likelihood of a Laplace distribution in each pixel (Weigert "
        "et al., 2018)",
        "It was minimised by Adam (Kingma and Ba, 2015) in 40 epochs of 400 steps with 16 patches each, at a learning "
        "rate of 0.0004, multiplied by 0.5 after 10 epochs without a lower validation loss",
        f"To be restored, an image is normalised by its own percentiles; large ones pass in overlapping tiles "
        f"(l2l_utils {__version__})",
    ]
    assert {"training images", "normalisation", "seed", "versions", "device"} <= set(missing)
    assert not [reference for reference in references if reference.startswith("Kölln")]


def test_errors_name_the_folder(folders, tmp_path):
    """No model, a damaged one and an unfinished one are refused, with the remedy."""
    with pytest.raises(FileNotFoundError, match=r"expected a model's config\.json there, found none"):
        manuscript.methods_paragraph(tmp_path)
    (tmp_path / "config.json").write_text("{", "utf-8")
    with pytest.raises(ValueError, match=r"config\.json: expected the configuration of a CARE model"):
        manuscript.methods_paragraph(tmp_path)
    (tmp_path / "config.json").write_bytes((folders[0] / "config.json").read_bytes())
    content = json.loads((folders[0] / "training.json").read_text("utf-8"))
    (tmp_path / "training.json").write_text(json.dumps(content | {"finished": False}), "utf-8")
    with pytest.raises(ValueError, match="expected a finished training"):
        manuscript.methods_paragraph(tmp_path)


@pytest.mark.parametrize(
    ("augmentation", "expected"),
    [
        (None, "The patches were not augmented."),
        (
            patches.Augmentation((), flips=True, every=1),
            "Every patch was turned by a random number of right angles and ",
        ),
    ],
)
def test_augmentation(augmentation, expected):
    """Eight-fold augmentation of every patch, and none, are told as such."""
    description = augmentation and augmentation.description()
    assert manuscript._augmentation(description).startswith(expected)


def test_stacks_are_called_stacks(tmp_path):
    """A network of stacks is said to be one."""
    CARE(Config("ZYX", unet_residual=False), "theirs", str(tmp_path))
    assert "CSBDeep, of depth 2, " in manuscript.methods_paragraph(tmp_path / "theirs")
    assert "for stacks with 1 channel in and 1 out" in manuscript.methods_paragraph(tmp_path / "theirs")
