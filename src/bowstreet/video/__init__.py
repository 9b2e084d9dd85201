"""Pictures from drones and fixed cameras: taken in by limited worker processes, shown live, recorded as received.

`DroneFrame` and `CameraFrame` (`bowstreet.frames`) are distinct types: drone video cannot type-check into recognition.
"""
