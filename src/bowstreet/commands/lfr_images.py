"""The images that a list names, given to an import one by one from their folder."""

import asyncio
from pathlib import Path

from bowstreet.commands.output import progress
from bowstreet.recognition.enrol import MOST_IMAGE_BYTES, Enrolment, Import
from bowstreet.recognition.evaluation.examiner.model import Reason
from bowstreet.recognition.evaluation.examiner.pool import read_still
from bowstreet.recognition.listing import RowResult, RowState


async def give_images(enrolment: Enrolment, made: Import, images: Path) -> None:
    """What becomes of each row stands in the import's results."""
    with progress("Looking at images") as tell:
        for number, (line, row) in enumerate(made.rows.items(), 1):
            found = await asyncio.to_thread(read_still, images / row.image)
            if isinstance(found, Reason):
                why = "its image is not in the folder, or is a link" if found is Reason.UNREADABLE else "its image is too large"
                made.results[line] = RowResult(line=line, state=RowState.BAD, image=row.image, why=why)
            else:
                await enrolment.add(made, line, found[: MOST_IMAGE_BYTES + 1])
            tell(number, len(made.rows))
