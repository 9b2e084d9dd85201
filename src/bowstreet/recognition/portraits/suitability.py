"""Whether an image is good enough for a list, and what a person should know of one that is (R5). Pure.

A poor image on a list finds nobody, or somebody else: it is refused with the reason. Measures are those of `models.quality`.
"""

from bowstreet.recognition.listing import ImageQuality

# Below it the model sees fewer pixels than it was trained on can fill: a face is scaled up, and looks like many.
LEAST_EYES_PX = 20.0
GOOD_EYES_PX = 60.0  # as `models.quality` has it: more hardly helps
MOST_YAW_DEG, GOOD_YAW_DEG = 45.0, 25.0
MOST_PITCH_DEG = 40.0
MOST_LOST = 0.5  # share of the face that is nearly black or nearly white
GOOD_SHARPNESS = 0.25
LEAST_CONTRAST = 0.03


def unusable(quality: ImageQuality) -> str:
    """Why the image cannot stand on a list; "" when it can."""
    if quality.eyes_px < LEAST_EYES_PX:
        return f"the face is too small: {quality.eyes_px:.0f} pixels between the eyes, {LEAST_EYES_PX:.0f} are needed"
    if abs(quality.yaw_deg) > MOST_YAW_DEG:
        return f"the face is turned away by about {abs(quality.yaw_deg):.0f}°; {MOST_YAW_DEG:.0f}° at most"
    if abs(quality.pitch_deg) > MOST_PITCH_DEG:
        return f"the face looks up or down by about {abs(quality.pitch_deg):.0f}°; {MOST_PITCH_DEG:.0f}° at most"
    if quality.under_exposed + quality.over_exposed > MOST_LOST:
        return "more than half of the face is black or white: it was taken in too little or too much light"
    if quality.contrast < LEAST_CONTRAST:
        return "the face has hardly any contrast"
    return ""


def remarks(quality: ImageQuality) -> list[str]:
    """What is less than good, for whoever might find a better image."""
    said = []
    if quality.eyes_px < GOOD_EYES_PX:
        said.append(f"the face is small: {quality.eyes_px:.0f} pixels between the eyes, {GOOD_EYES_PX:.0f} are good")
    if abs(quality.yaw_deg) > GOOD_YAW_DEG:
        said.append(f"the face is turned by about {abs(quality.yaw_deg):.0f}°")
    if quality.sharpness < GOOD_SHARPNESS:
        said.append("the face is blurred")
    return said
