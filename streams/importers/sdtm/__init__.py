"""How does a folder of SDTM transport files become facts? `read_trial` reads it; nothing is guessed, no row is lost.

One file per family of domains says what its rows mean. Every row of every domain ends in exactly one place: it is a
fact, it went into the fact of another row, or it is unusable, with its address and the reason.
"""

from streams.importers.sdtm.accounts import Account, Line
from streams.importers.sdtm.grades import Graded, graded
from streams.importers.sdtm.messages import Message, Place, Told, Unusable
from streams.importers.sdtm.pacing import paced
from streams.importers.sdtm.reading import Import, read_trial
from streams.importers.sdtm.tables import UnreadableError

__all__ = [
    "Account",
    "Graded",
    "Import",
    "Line",
    "Message",
    "Place",
    "Told",
    "UnreadableError",
    "Unusable",
    "graded",
    "paced",
    "read_trial",
]
