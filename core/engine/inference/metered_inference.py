"""The process that answers, as one user sees it: tokens are counted for the user, and refused above the limit of a day."""

from core.engine.inference.completions import CompletionDelta, CompletionEvent, CompletionStarted, PendingCompletion
from core.engine.inference.embeddings import Embeddings, EmbeddingsEvent, PendingEmbeddings
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.inference_process import InferenceProcess
from core.engine.inference.model_source import ModelSource
from core.engine.team.team import Team
from core.engine.team.users import User


class MeteredInference:
    """Takes the requests of one user. `last_model`: the id of the model that was asked last, empty before."""

    def __init__(self, process: InferenceProcess, team: Team, user: User) -> None:
        self._process, self._team, self._user = process, team, user
        self.last_model = ""

    def submit(self, source: ModelSource, request: GenerationRequest, background: bool = False) -> PendingCompletion:
        """Queue a request for completions. `background`: computed only when no person waits for anything.

        Raises a 429 error when the user's tokens of the day are used up.
        """
        self._begin(source)
        pending = self._process.submit(source, request, background, self._user.id)
        num_tokens = [0] * request.n

        def count(event: CompletionEvent) -> None:
            if isinstance(event, CompletionStarted):
                self._count("prompt", event.prompt_tokens)
            elif isinstance(event, CompletionDelta):
                self._count("completion", event.num_tokens - num_tokens[event.index])
                num_tokens[event.index] = event.num_tokens

        pending.on_event = count
        return pending

    def submit_embeddings(
        self, source: ModelSource, texts: list[str | list[int]], background: bool = False
    ) -> PendingEmbeddings:
        """Queue a request for embeddings; as `submit`."""
        self._begin(source)
        pending = self._process.submit_embeddings(source, texts, background, self._user.id)

        def count(event: EmbeddingsEvent) -> None:
            if isinstance(event, Embeddings):
                self._count("prompt", event.num_tokens)

        pending.on_event = count
        return pending

    def _begin(self, source: ModelSource) -> None:
        self.last_model = source.id
        self._team.quotas.check_tokens(self._user)

    def _count(self, kind: str, count: int) -> None:
        self._team.counters.tokens[self._user.id, kind] += count
        self._team.quotas.add_tokens(self._user, count)
