"""The local server that speaks the OpenAI protocol and trains with LoRA. A process of its own: it imports nothing else of core."""
