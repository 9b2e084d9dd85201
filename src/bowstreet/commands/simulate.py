"""`bowstreet simulate`: the same services on a simulated clock."""

import argparse

from bowstreet.commands.output import expect_writable, write_json, write_text
from bowstreet.dispatch.policy import policy_named
from bowstreet.runtime import logs


def simulate(arguments: argparse.Namespace) -> int:
    """The same services on a simulated clock."""
    from bowstreet.simulation.run import Options
    from bowstreet.simulation.run import simulate as run

    expect_writable(arguments.json, arguments.report)
    logs.configure("error", "console")
    result = run(
        Options(
            calls=arguments.calls,
            demand=arguments.demand,
            days=arguments.days,
            plan=arguments.plan,
            drones=None if arguments.drones is None else int(arguments.drones),
            policy=policy_named(arguments.policy).name,
            seed=arguments.seed,
        )
    )
    write_json(arguments.json, result.figures)
    if arguments.report is not None:
        write_text(arguments.report, result.report())
    return 0 if result.figures["ledger"]["verified"] and not result.figures["flights"]["not_returned"] else 1
