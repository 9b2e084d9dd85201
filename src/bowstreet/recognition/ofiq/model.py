"""What OFIQ says of an image, and how it is run. Frozen values."""

from pathlib import Path

import msgspec

# As OFIQ and the standard name it; the other measures are its components.
UNIFIED = "UnifiedQualityScore"


class OfiqScores(msgspec.Struct, frozen=True, kw_only=True):
    """Quality values from 0 (useless) to 100. None: OFIQ could not assess that, or could not read the image at all."""

    unified: float | None = None
    components: dict[str, float | None] = {}


class OfiqSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`data` is the folder with OFIQ's configuration and models. It loads them anew for each run: several images go into one."""

    program: Path
    data: Path
    configuration: str = "ofiq_config.jaxn"
    images_at_once: int = 16
    seconds_each: float = 20.0
