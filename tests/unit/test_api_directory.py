"""Output directories: whole or not at all."""

import os
import re
from pathlib import Path

import pytest

from npusim.api.directory import Layout, check_directory, replaced_directory
from npusim.errors import OutputError

NOTE = Layout("note", frozenset({"a.txt", "b.txt"}), frozenset({"a.txt"}))


def write_note(directory, text="new"):
    with replaced_directory(directory, NOTE) as staging:
        (staging / "a.txt").write_text(text)


def fail_halfway(directory, error):
    with replaced_directory(directory, NOTE) as staging:
        (staging / "a.txt").write_text("half")
        raise error


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_new_directory_appears_with_its_parents(tmp_path):
    write_note(tmp_path / "deep" / "er" / "note")
    assert everything(tmp_path) == ["deep", "deep/er", "deep/er/note", "deep/er/note/a.txt"]


def test_an_empty_directory_is_taken(tmp_path):
    (tmp_path / "note").mkdir()
    write_note(tmp_path / "note")
    assert everything(tmp_path) == ["note", "note/a.txt"]


def test_an_earlier_one_is_replaced_as_a_whole(tmp_path):
    write_note(tmp_path / "note", "old")
    (tmp_path / "note" / "b.txt").write_text("left over")
    write_note(tmp_path / "note")
    assert everything(tmp_path) == ["note", "note/a.txt"]
    assert (tmp_path / "note" / "a.txt").read_text() == "new"


def test_a_link_stays_a_link(tmp_path):
    write_note(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_note(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "new"


@pytest.mark.parametrize(
    "error", [RuntimeError("defect"), KeyboardInterrupt(), OSError(28, "full")]
)
def test_an_exception_in_the_middle_leaves_nothing(tmp_path, error):
    expected = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        fail_halfway(tmp_path / "deep" / "note", error)
    assert everything(tmp_path) == []


def test_an_exception_in_the_middle_keeps_the_earlier_one(tmp_path):
    write_note(tmp_path / "note", "old")
    with pytest.raises(RuntimeError):
        fail_halfway(tmp_path / "note", RuntimeError("defect"))
    assert everything(tmp_path) == ["note", "note/a.txt"]
    assert (tmp_path / "note" / "a.txt").read_text() == "old"


def test_a_swap_that_fails_brings_the_earlier_one_back(tmp_path, monkeypatch):
    write_note(tmp_path / "note", "old")
    rename = Path.rename

    def refuse_new(self, target):
        if self.name == "note" and Path(target).name == "note":
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises(OutputError, match=r"cannot be written \(Device or resource busy\)"):
        write_note(tmp_path / "note")
    assert everything(tmp_path) == ["note", "note/a.txt"]
    assert (tmp_path / "note" / "a.txt").read_text() == "old"


def test_an_error_names_the_directory_that_was_asked_for(tmp_path):
    with (
        pytest.raises(OutputError, match=f"^{re.escape(str(tmp_path / 'note'))}/a.txt: full$"),
        replaced_directory(tmp_path / "note", NOTE) as staging,
    ):
        raise OutputError(f"{staging}/a.txt: full")


def test_a_file_is_not_replaced(tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(OutputError, match=r"^.*/note: is a file; expected a directory; choose"):
        check_directory(tmp_path / "note", NOTE)


def test_foreign_files_are_kept(tmp_path):
    write_note(tmp_path / "note")
    (tmp_path / "note" / "thesis.tex").write_text("mine")
    message = (
        r"^.*/note: holds thesis.tex, which is not part of a note; expected .*nothing is lost$"
    )
    with pytest.raises(OutputError, match=message):
        write_note(tmp_path / "note")
    assert (tmp_path / "note" / "thesis.tex").read_text() == "mine"


def test_files_of_the_same_names_do_not_make_it_one(tmp_path):
    (tmp_path / "note").mkdir()
    (tmp_path / "note" / "b.txt").write_text("mine")
    with pytest.raises(
        OutputError, match=r"^.*/note: holds files but no a.txt, so it is not a note"
    ):
        check_directory(tmp_path / "note", NOTE)


def test_a_parent_that_is_a_file_is_named_as_the_reason(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("file/note", "file/deep/note"):
        with pytest.raises(
            OutputError, match=r"note: cannot be written \(Not a directory\); choose"
        ):
            check_directory(tmp_path / name, NOTE)


def test_the_current_directory_is_not_pulled_away(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=r"^\.: is the current directory or above it; expected"):
        check_directory(Path(), NOTE)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs Linux")
def test_a_file_system_that_refuses_is_found_before_the_work():
    with pytest.raises(OutputError, match=r"^/proc/note: cannot be written \(.*\); choose a dir"):
        check_directory(Path("/proc/note"), NOTE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_parent_is_found_before_the_work(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match=r"cannot be written \(Permission denied\)"):
        check_directory(tmp_path / "note", NOTE)
    tmp_path.chmod(0o700)
