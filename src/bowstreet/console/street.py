"""What operators see of a deployment's cameras: how they are, and pictures with every face hidden that raised no alert (R8)."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.accountability.processing.model import Matter
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.looking import consult
from bowstreet.errors import NotFound
from bowstreet.recognition.model import Deployment, DeploymentState


class CameraView(msgspec.Struct, frozen=True, kw_only=True):
    """A camera that is looked at. `state` is one of connecting, live, stalled, waiting, ended."""

    camera_id: str
    name: str
    state: str
    restarts: int
    trouble: str


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["recognition"], prefix="/recognition")
    recognition, sees = desk.services.recognition, desk.access.needs(Action.SEE_RECOGNITION)

    @routes.get("/deployments/{deployment_id}/cameras", **c.route(list[CameraView]))
    async def cameras(deployment_id: c.Id, who: Annotated[Asker, sees]) -> Response:
        """How the cameras are that are looked at now; none unless it runs. The deployment says which are not, and why."""
        deployment, names = recognition.get(deployment_id), recognition.planning.cameras
        looked_at = _looked_at(desk, deployment)
        shown = [
            CameraView(
                camera_id=camera_id, name=names[camera_id].name, state=one.state, restarts=one.restarts, trouble=one.trouble
            )
            for camera_id, one in recognition.pipeline.states().items()
            if camera_id in looked_at
        ]  # fmt: skip
        return c.json(shown)

    @routes.get("/deployments/{deployment_id}/cameras/{camera_id}/view", **_picture("The newest; 204 while there is none yet"))
    async def view(deployment_id: c.Id, camera_id: c.Id, request: Request, who: Annotated[Asker, sees]) -> Response:
        """A JPEG of what the camera sees, three times a second at most. That somebody looks is on record first."""
        one = recognition.get(deployment_id)
        if camera_id not in _looked_at(desk, one):
            raise NotFound("this camera is not looked at now", remedy="see whether the deployment runs")
        await consult(desk.services.consultations, who, Matter.STREET, deployment_id)
        seen = recognition.pipeline.view(camera_id)
        if seen is None:
            return nothing()
        headers = {"Cache-Control": "no-store", "X-Bowstreet-Captured": f"{seen.at:%Y-%m-%dT%H:%M:%S.%fZ}"}
        return Response(seen.image, media_type="image/jpeg", headers=headers)

    return routes


def _looked_at(desk: Desk, one: Deployment) -> set[str]:
    """Cameras of its plan that are looked at now. The pipeline may still know others: of what ran before, or taken out since."""
    if one.state is not DeploymentState.RUNNING:
        return set()
    recognition, planned = desk.services.recognition, {camera.camera_id for camera in one.plan.cameras}
    return planned & recognition.pipeline.states().keys() - recognition.kept_out(one).keys()


def _picture(says: str) -> dict[str, Any]:
    said = c.route(says=says)
    said["responses"][200]["content"] = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
    said["responses"][204] = {"description": "None yet"}
    return said
