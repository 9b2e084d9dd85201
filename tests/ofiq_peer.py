"""A program that takes the arguments of OFIQ's sample application and writes its table: a peer to test the adapter against.

It is not OFIQ and measures nothing that a standard knows; its figures are made up from a picture's size and light. Its form is that of
`OFIQSampleApp.cpp` of BSI-OFIQ/OFIQ-Project at 1.0.3, bugs of the header included. What its configuration file says makes it fail.

    python -m tests.ofiq_peer -c FOLDER -cf FILE -i LIST -o OUT
"""

import sys
import time
from pathlib import Path
from typing import Any

import cv2

MEASURES = (
    "UnifiedQualityScore", "BackgroundUniformity", "IlluminationUniformity", "LuminanceMean", "LuminanceVariance",
    "UnderExposurePrevention", "OverExposurePrevention", "DynamicRange", "Sharpness", "CompressionArtifacts", "NaturalColour",
    "SingleFacePresent", "EyesOpen", "MouthClosed", "EyesVisible", "MouthOcclusionPrevention", "FaceOcclusionPrevention",
    "InterEyeDistance", "HeadSize", "LeftwardCropOfTheFaceImage", "RightwardCropOfTheFaceImage", "DownwardCropOfTheFaceImage",
    "UpwardCropOfTheFaceImage", "HeadPoseYaw", "HeadPosePitch", "HeadPoseRoll", "ExpressionNeutrality", "NoHeadCoverings",
)  # fmt: skip


def shown(value: float) -> str:
    """As `std::to_string` has it: whole numbers as such, others with six places."""
    return str(int(value)) if value == round(value) else f"{value:.6f}"


def measured(name: str) -> list[tuple[float, float]] | None:
    """Native and quality values; None for what cannot be read."""
    picture: Any = cv2.imread(name, cv2.IMREAD_COLOR)
    if picture is None:
        print(f"[ERROR] failed to read image or image is empty: {name}.", file=sys.stderr)
        return None
    light = float(picture.mean())
    if float(picture.std()) < 1.0:  # no face is found in it
        return [(0.0, -1.0)] * len(MEASURES)
    return [(light / 255.0 * (number + 1), round(light + number * 3.0) % 101) for number in range(len(MEASURES))]


def main(said: list[str]) -> int:
    told = dict(zip(said[::2], said[1::2], strict=True))
    configuration = Path(told["-c"]) / told.get("-cf", "ofiq_config.jaxn")
    if not configuration.is_file():
        print(
            f"[ERROR] initialize() returned error: Undefined error.\nInvalid path to config file: {configuration}",
            file=sys.stderr,
        )
        return 1
    how = configuration.read_text()
    if "hang" in how:
        time.sleep(60)
    if "crash" in how:
        return -11
    if "writes a file" in how:
        (Path(told["-i"]).parent / "left-behind").write_text("x")
    names = [line for line in Path(told["-i"]).read_text().splitlines() if line and not line.startswith("#")]
    found = [measured(name) for name in names]
    print("OFIQ library version: 1.0.3")
    with Path(told["-o"]).open("w", encoding="ascii") as out:
        if "nothing" in how:
            return 0
        if "rubbish" in how:
            out.write("Filename;Sharpness;\n" * 3)
            return 0
        if "endless" in how:
            while True:
                out.write("Filename;" * 1_000)
        titles = MEASURES if found[0] is not None else ()
        out.write("Filename;" + "".join(f"{one};" for one in titles) + "".join(f"{one}.scalar;" for one in titles) + "\n")
        for name, values in zip(names, found, strict=True):
            natives = ";".join(shown(native) for native, _ in values or ())
            out.write(f"{name};{natives};{';'.join(shown(scalar) for _, scalar in values or ())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
