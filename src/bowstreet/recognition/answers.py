"""The closed questions of a deployment (R1): which answers go together, and the version of these tables (R4). Pure."""

import hashlib

import msgspec

from bowstreet.accountability.authority.model import Ground
from bowstreet.recognition.model import Category, DeploymentUse, ImageSource, LegalBasis, LocationBasis

# Whom a list may hold, by what the deployment is for. Volunteers may walk past any.
CATEGORIES: dict[DeploymentUse, frozenset[Category]] = {
    DeploymentUse.WANTED: frozenset({Category.WANTED_BY_COURT, Category.SUSPECTED, Category.VOLUNTEER}),
    DeploymentUse.RESTRICTED: frozenset({Category.UNDER_CONDITIONS, Category.WANTED_BY_COURT, Category.VOLUNTEER}),
    DeploymentUse.HARM: frozenset({Category.SERIOUS_HARM, Category.SUSPECTED, Category.WANTED_BY_COURT, Category.VOLUNTEER}),
    DeploymentUse.MISSING: frozenset({Category.MISSING, Category.VOLUNTEER}),
}
# Where one may look for whom: a hotspot of crime says nothing about where a missing person is.
BASES: dict[DeploymentUse, frozenset[LocationBasis]] = {
    DeploymentUse.WANTED: frozenset(LocationBasis),
    DeploymentUse.RESTRICTED: frozenset({LocationBasis.EXPECTED, LocationBasis.EVENT, LocationBasis.TRANSPORT}),
    DeploymentUse.HARM: frozenset(LocationBasis),
    DeploymentUse.MISSING: frozenset({LocationBasis.EXPECTED, LocationBasis.TRANSPORT}),
}
# The ground on which authority is asked for, from what the deployment is for.
GROUNDS: dict[DeploymentUse, Ground] = {
    DeploymentUse.WANTED: Ground.SERIOUS_CRIME,
    DeploymentUse.RESTRICTED: Ground.SERIOUS_CRIME,
    DeploymentUse.HARM: Ground.THREAT_TO_LIFE,
    DeploymentUse.MISSING: Ground.MISSING_AT_RISK,
}
# On which condition somebody of a category may be listed, and from where the image may come (R5).
LEGAL_BASES: dict[Category, frozenset[LegalBasis]] = {
    Category.WANTED_BY_COURT: frozenset({LegalBasis.JUSTICE, LegalBasis.STATUTORY_PURPOSE}),
    Category.SUSPECTED: frozenset({LegalBasis.STATUTORY_PURPOSE}),
    Category.UNDER_CONDITIONS: frozenset({LegalBasis.JUSTICE, LegalBasis.STATUTORY_PURPOSE}),
    Category.SERIOUS_HARM: frozenset({LegalBasis.STATUTORY_PURPOSE, LegalBasis.SAFEGUARDING}),
    Category.MISSING: frozenset({LegalBasis.VITAL_INTERESTS, LegalBasis.SAFEGUARDING}),
    Category.VOLUNTEER: frozenset({LegalBasis.CONSENT}),
}
_POLICE = frozenset({ImageSource.CUSTODY, ImageSource.OTHER_FORCE, ImageSource.COURT})
SOURCES: dict[Category, frozenset[ImageSource]] = {
    Category.WANTED_BY_COURT: _POLICE,
    Category.SUSPECTED: _POLICE,
    Category.UNDER_CONDITIONS: _POLICE,
    Category.SERIOUS_HARM: _POLICE,
    Category.MISSING: _POLICE | {ImageSource.FAMILY, ImageSource.CONSENT},
    Category.VOLUNTEER: frozenset({ImageSource.CONSENT}),
}


def _policy_version() -> str:
    tables = [
        sorted((key.value, sorted(one.value for one in values)) for key, values in table.items())
        for table in (CATEGORIES, BASES, LEGAL_BASES, SOURCES)
    ]
    return hashlib.sha256(msgspec.json.encode(tables)).hexdigest()[:16]


# A list that was made under other tables is approved anew (R4).
POLICY_VERSION = _policy_version()
