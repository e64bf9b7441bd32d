"""Any server that speaks the OpenAI protocol, through the openai package."""

from core.providers.batches_api import BatchesApi
from core.providers.chat_api import ChatApi
from core.providers.exports_api import ExportsApi
from core.providers.jobs_api import JobsApi
from core.providers.models_api import ModelsApi


class OpenAIProvider(JobsApi, ModelsApi, ChatApi, BatchesApi, ExportsApi):
    """One server, with all routes of the protocol; `capabilities` says which of them it has."""
