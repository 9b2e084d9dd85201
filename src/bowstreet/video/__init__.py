"""Camera and drone pictures: ingest, live view, recording. Nothing here yet; the boundary is: `CameraFrame` and
`DroneFrame` will be distinct types, so that drone video cannot type-check into recognition."""
