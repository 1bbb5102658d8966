"""Versions swapped, services stopped and killed, while visitors ask for predictions."""

from tests.harness.drawings import draw_seven
from tests.harness.visitors import outcomes, predict
from tests.harness.waiting import wait_until
from tests.stack.run import REPLAY_SECONDS, RETURN_SECONDS, VISITORS, Run, expect

MODEL = "digits"
COPY = "/tmp/copy"


def swap_versions(run: Run) -> None:
    """Publishes a version, promotes it and rolls back; no prediction fails."""
    first = predict(run.project.url, draw_seven())
    expect(first.predicted, f"no prediction before the swap: {first.outcome}")
    run.acknowledged.add(first.record_id)
    with run.visitors("swap of versions") as visitors:
        new = _publish_copy(run)
        for command, expected in ((f"promote {new}", new), ("rollback", first.version)):
            run.project.manage("models", *command.split())
            visits = visitors.wait_for(20, seconds=RETURN_SECONDS)
            versions = {visit.version for visit in visits if visit.predicted}
            expect(
                versions == {expected},
                f"after models {command} version {expected} should answer, not {versions}",
            )
            run.print(f"models {command}: version {expected} answers")
        failed = [visit for visit in visitors.visits() if not visit.predicted]
        expect(not failed, f"predictions failed during the swap: {outcomes(failed)}")


def _publish_copy(run: Run) -> int:
    """Publishes version 1 once more, and returns the number that it got."""
    run.project.execute("web", "cp", "-r", f"/models/{MODEL}/1", COPY)
    # The baseline CNN is worse than the stable version, and its card has no verdict.
    run.project.manage("models", "publish", COPY, "--override-gate", "stack test")
    return max(
        int(number) for number in run.project.execute("web", "ls", f"/models/{MODEL}").split()
    )


def restart_cassandra(run: Run) -> None:
    """Predictions go on without Cassandra; records wait in the spool."""
    with run.visitors("Cassandra stopped and started") as visitors:
        run.project.compose("stop", "cassandra")
        visits = visitors.wait_for(40, seconds=RETURN_SECONDS)
        expect(any(visit.outcome == "spooled" for visit in visits), "no record was spooled")
        run.project.compose("start", "cassandra")
        run.project.wait_healthy("cassandra", seconds=RETURN_SECONDS)
        wait_until(
            lambda: any(visit.outcome == "stored" for visit in visitors.visits()[-VISITORS:]),
            message="records stored again",
            seconds=REPLAY_SECONDS,
        )
        failed = [visit for visit in visitors.visits() if not visit.predicted]
        expect(not failed, f"predictions failed without Cassandra: {outcomes(failed)}")
    run.check_records()


def kill(run: Run, service: str) -> None:
    """Sends SIGKILL to a container's first process; the engine starts it again."""
    with run.visitors(f"{service} killed") as visitors:
        starts = run.project.starts(service)
        run.project.kill_process(service)
        seconds = wait_until(
            lambda: run.project.starts(service) > starts,
            message=f"{service} started again",
            seconds=RETURN_SECONDS,
            interval=0.25,
        )
        seconds += run.project.wait_healthy(service, seconds=RETURN_SECONDS)
        run.print(f"{service} healthy again after {seconds:.1f} s, by itself")
        visitors.wait_for(20, seconds=RETURN_SECONDS)
        unhelpful = [visit for visit in visitors.visits() if "WITHOUT" in visit.outcome]
        expect(not unhelpful, f"refused without Retry-After: {outcomes(unhelpful)}")
    run.check_records()
