"""Vehicles taken out of service, and back: so that a test says who may fly."""

from bowstreet.flight.service import FlightService
from bowstreet.simulation.agenda import drive


def ground_all_but(flight: FlightService, *kept: str) -> None:
    for view in flight.picture.vehicles():
        if view.vehicle_id not in kept:
            drive(flight.ground(view.vehicle_id, "acc-1", "test"))


def release_all(flight: FlightService) -> None:
    for view in flight.picture.vehicles():
        if view.status == "grounded":
            drive(flight.release(view.vehicle_id, "acc-1", "test"))
