"""A table of runs means what its cells say, and one that cannot be used is refused with the reason."""

from pathlib import Path

import pytest
import table

WORKFLOW = Path(__file__).resolve().parents[1] / "workflow"
HEAD = "run,chapter,profile,epochs,loss"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes lines to a table."""

    def write(*lines):
        path = tmp_path / "runs.csv"
        path.write_text("\n".join(lines), "utf-8-sig")
        return path

    return write


def resolve_all(path, profile=None):
    """Return the values of each run of a table."""
    return {row.run: table.resolve(row, Path("sweep"), profile=profile) for row in table.read_rows(path)}


def test_an_empty_cell_keeps_the_profiles_value(write):
    """Cells are read as the parameter's type; the chapter's folder follows from the name of the run."""
    found = resolve_all(write(HEAD, "a,03_label2label,smoke,7,", "b,03_label2label,book,,SSIM"))
    assert (found["a"]["epochs"], found["a"]["n_held_out"]) == (7, 2)
    assert (found["b"]["epochs"], found["b"]["loss"]) == (10, "SSIM")
    assert found["a"]["output_dir"] == str(Path("sweep/a").absolute())


def test_a_profile_for_all_replaces_the_columns(write):
    """The parameters of the table stay."""
    found = resolve_all(write(HEAD, "a,03_label2label,book,7,"), profile="smoke")["a"]
    assert (found["epochs"], found["n_held_out"]) == (7, 2)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "runs.csv: expected the columns run, chapter, profile, then .* found: nothing"),
        (["chapter,run,profile"], "found: chapter, run, profile"),
        ([HEAD + ",epochs", "a,03_label2label,book,7,L1,8"], "found: .*loss, epochs"),
        ([HEAD], "expected a line for each run .* found none"),
        ([HEAD, "a,03_label2label,book,7,L1,SSIM"], "line 2: expected 5 cells, found 6. Put .* in quotation marks"),
        ([HEAD, "../a,03_label2label,book,,"], "line 2: expected a name of letters, .* found: '../a'"),
        ([HEAD, "a b,03_label2label,book,,"], "line 2: .* found: 'a b'"),
        ([HEAD, ",03_label2label,book,,"], "line 2: .* found: ''"),
        ([HEAD, "a,03_label2label,book,,", "a,03_label2label,smoke,,"], "line 2: .* that no other run has, found: 'a'"),
        ([HEAD, "a,03_labels,book,,"], "run 'a': There is no chapter '03_labels'"),
        ([HEAD, "a,03_label2label,large,,"], "run 'a': 03_label2label has no profile 'large'"),
        ([HEAD, "a,01_data,book,7,"], "run 'a': 01_data has no parameter 'epochs'"),
        ([HEAD, "a,03_label2label,book,many,"], "run 'a': 03_label2label: 'epochs' is of type int"),
        ([HEAD, "a,03_label2label,book,'7,"], "run 'a': ''7' cannot be read as a value like 10"),
        (["run,chapter,profile,output_dir", "a,03_label2label,book,x"], "run 'a': expected no column output_dir"),
    ],
)
def test_what_cannot_run_is_refused(write, lines, message):
    """The message names the table and the line, or the run, and what was expected."""
    with pytest.raises(table.TableError, match=message):
        resolve_all(write(*lines))


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(table.TableError, match=r"none\.csv: expected a table of runs"):
        table.read_rows(tmp_path / "none.csv")


@pytest.mark.parametrize("profile", ["book", "paper"])
@pytest.mark.parametrize("path", sorted(WORKFLOW.glob("*.csv")), ids=lambda path: path.stem)
def test_the_books_tables_can_run(path, profile):
    """Each run of the book's own tables has a chapter that takes its parameters, at the book's and the paper's size."""
    assert resolve_all(path, profile)
