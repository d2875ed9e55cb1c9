"""Code blocks of Markdown files, as far as the tests need Markdown."""

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"(?P<skip><!-- not run -->\s*\n)?^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```\s*$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\]\((?!https?:|#)(?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One fenced block; ``line`` is where its fence stands."""

    language: str
    text: str
    line: int
    is_run: bool
    shown_output: str | None = None
    """Text of the ``text`` block that follows at once: what the block prints."""


@dataclass(frozen=True)
class Command:
    """One ``$ `` line of a console block and the output shown below it."""

    line: str
    shown_output: str


def blocks_of(path: Path) -> list[Block]:
    """All fenced blocks of a file, in order."""
    source = path.read_text(encoding="utf-8")
    matches = list(_FENCE.finditer(source))
    blocks = []
    for index, match in enumerate(matches):
        following = matches[index + 1] if index + 1 < len(matches) else None
        is_output = (
            following is not None
            and following["language"] == "text"
            and not source[match.end() : following.start()].strip()
        )
        blocks.append(
            Block(
                language=match["language"],
                text=match["text"],
                line=source.count("\n", 0, match.start()) + 1,
                is_run=match["skip"] is None,
                shown_output=following["text"] if is_output and following else None,
            )
        )
    return blocks


def commands_of(block: Block) -> list[Command]:
    """The commands of a console block; a backslash at the end of a line continues it."""
    commands = []
    for part in re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        commands.append(Command(line.partition("  #")[0].strip(), output))
    return commands


def links_of(path: Path) -> list[str]:
    """Targets of links and pictures that are files of this repository."""
    return [match["target"].partition("#")[0] for match in _LINK.finditer(path.read_text("utf-8"))]
