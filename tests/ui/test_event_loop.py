"""The window's event loop does what asyncio's own loops do."""

import asyncio
import gc

from tests.support.until import until


def test_an_answer_that_nobody_reads_on_is_closed_by_a_task(run):
    """Collected outside of any task it could not wait in its `finally`: the connection of a streamed answer stayed taken."""
    closed = []

    async def pieces():
        try:
            while True:
                yield "a piece"
        finally:
            await asyncio.sleep(0)
            closed.append(asyncio.current_task() is not None)

    async def leave():
        answer = pieces()
        await anext(answer)
        kept = [answer]
        kept.append(kept)  # in a circle, as in the traceback of a failure: only the collector finds it

    async def scene():
        await leave()
        asyncio.get_running_loop().call_soon(gc.collect)
        await until(lambda: closed)
        assert closed == [True]

    run(scene())
